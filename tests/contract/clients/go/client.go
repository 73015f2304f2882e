// What a program does with the client that oapi-codegen made of the description: client TASK.json. The task says where
// the service is, who calls, and which mailbox to connect.
package main

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 -config generate.yaml ../openapi.json
//go:generate go mod tidy

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

// The stand-ins change something every few seconds, and a callback takes no time.
const deliveredWithin = time.Minute

type task struct {
	Address       string          `json:"address"`
	Authorization string          `json:"authorization"`
	Wish          InstanceRequest `json:"wish"`
}

// read takes an answer of 200 as what the description promises.
func read[T any](status int, body []byte, err error) T {
	var answer T
	if err != nil {
		log.Fatal(err)
	}
	if status != http.StatusOK {
		log.Fatalf("%d: %s", status, body)
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		log.Fatal(err)
	}
	return answer
}

func main() {
	var todo task
	text, err := os.ReadFile(os.Args[1])
	if err == nil {
		err = json.Unmarshal(text, &todo)
	}
	if err != nil {
		log.Fatal(err)
	}
	authorize := func(_ context.Context, request *http.Request) error {
		request.Header.Set("Authorization", todo.Authorization)
		return nil
	}
	client, err := NewClientWithResponses(todo.Address, WithRequestEditorFn(authorize))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()

	created, err := client.CreateInstanceWithResponse(ctx, nil, todo.Wish)
	instance := read[Instance](created.StatusCode(), created.Body, err)
	listed, err := client.ListInstancesWithResponse(ctx, nil)
	read[[]Instance](listed.StatusCode(), listed.Body, err)
	change := map[string]any{"event.poller.refresh_interval": "5"}
	changed, err := client.UpdateInstanceWithResponse(ctx, instance.Id, nil, InstancePatch{Configuration: &change})
	read[Instance](changed.StatusCode(), changed.Body, err)
	for until := time.Now().Add(deliveredWithin); time.Now().Before(until); time.Sleep(time.Second) {
		polled, err := client.PollInstanceWithResponse(ctx, instance.Id)
		read[PollReport](polled.StatusCode(), polled.Body, err)
		events, err := client.ListEventsWithResponse(ctx, instance.Id, nil)
		for _, event := range read[[]Event](events.StatusCode(), events.Body, err) {
			if event.Status != "NOTIFIED" {
				continue
			}
			again, err := client.RetryEventWithResponse(ctx, instance.Id, event.Id)
			read[Retry](again.StatusCode(), again.Body, err)
			fmt.Printf("go: instance %d, event %s, tried again\n", instance.Id, event.Id)
			return
		}
	}
	log.Fatalf("no event of instance %d was delivered within %s", instance.Id, deliveredWithin)
}
