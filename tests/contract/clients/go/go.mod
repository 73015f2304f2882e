module carillon/client

go 1.24

// What the generated client imports; `go mod tidy` adds its own requirements.
require github.com/oapi-codegen/runtime v1.9.0
