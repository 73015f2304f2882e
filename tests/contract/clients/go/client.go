// What a program does with the client that openapi-generator made of the description: client TASK.json. The task says
// where the service is, who calls, and which mailbox to connect.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"time"

	"client/carillon"
)

const interval = "event.poller.refresh_interval"

// The stand-ins change something every few seconds, and a callback takes no time.
const deliveredWithin = time.Minute

type task struct {
	Address       string                   `json:"address"`
	Authorization string                   `json:"authorization"`
	Wish          carillon.InstanceRequest `json:"wish"`
}

// good is what was answered, if it is what the description promises.
func good[T any](answer T, response *http.Response, err error) T {
	var failure *carillon.GenericOpenAPIError
	if errors.As(err, &failure) {
		log.Fatalf("%v: %s", err, failure.Body())
	}
	if err != nil {
		log.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		log.Fatal(response.Status)
	}
	return answer
}

func expect(right bool, found any) {
	if !right {
		log.Fatalf("unexpected: %+v", found)
	}
}

// read takes a text for what the description says it is.
func read[T any](text []byte) T {
	var found T
	if err := json.Unmarshal(text, &found); err != nil {
		log.Fatal(err)
	}
	return found
}

// deliveredEvent is an event of the mailbox that arrived at its callback.
func deliveredEvent(ctx context.Context, calls *carillon.InstancesAPIService, id int64) carillon.Event {
	for until := time.Now().Add(deliveredWithin); time.Now().Before(until); time.Sleep(time.Second) {
		good(calls.PollInstance(ctx, id).Execute())
		for _, event := range good(calls.ListEvents(ctx, id).Execute()) {
			if event.Status == carillon.EVENTSTATUS_NOTIFIED {
				return event
			}
		}
	}
	log.Fatalf("no event of instance %d was delivered within %s", id, deliveredWithin)
	panic("unreachable")
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	todo := read[task](text)
	configuration := carillon.NewConfiguration()
	configuration.Servers = carillon.ServerConfigurations{{URL: todo.Address}}
	configuration.AddDefaultHeader("Authorization", todo.Authorization)
	calls := carillon.NewAPIClient(configuration).InstancesAPI
	ctx := context.Background()

	created := good(calls.CreateInstance(ctx).InstanceRequest(todo.Wish).Execute())
	expect(created.Valid && created.Name == todo.Wish.GetName(), created)
	listed := good(calls.ListInstances(ctx).Execute())
	isCreated := func(one carillon.Instance) bool { return one.Id == created.Id }
	expect(listed.ArrayOfInstance != nil && slices.ContainsFunc(*listed.ArrayOfInstance, isCreated), listed)
	patch := carillon.InstancePatch{Configuration: map[string]any{interval: "5"}}
	changed := good(calls.UpdateInstance(ctx, created.Id).InstancePatch(patch).Execute())
	expect(changed.GetConfiguration()[interval] == "5", changed)
	event := deliveredEvent(ctx, calls, created.Id)
	message := read[carillon.Callback]([]byte(event.ProviderData)).Message
	expect(message.InstanceId == created.Id && len(message.Events) > 0, message)
	retry := good(calls.RetryEvent(ctx, created.Id, event.Id).Execute())
	expect(retry.EventId == event.Id, retry)
	gone, err := calls.DeleteInstance(ctx, created.Id).Execute()
	good(struct{}{}, gone, err)
	fmt.Printf("go: instance %d, event %s, tried again: %+v\n", created.Id, event.Id, *retry)
}
