package client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/settee/settee/client"
)

// Run a workflow, follow it and save what it made.
func Example() {
	ctx := context.Background()
	graph, err := os.ReadFile("workflow_api.json")
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New("http://127.0.0.1:8188", os.Getenv("COMFY_CLOUD_API_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	job, err := c.Run(ctx, client.Submission{Prompt: graph}, func(e client.Event) { fmt.Println(e.Type) })
	if err != nil {
		log.Fatal(err)
	}
	for i, file := range job.Outputs.Files() {
		content, err := c.View(ctx, file.File)
		if err != nil {
			log.Fatal(err)
		}
		out, err := os.Create(fmt.Sprintf("output-%d", i))
		if err != nil {
			log.Fatal(err)
		}
		if _, err := io.Copy(out, content); err != nil {
			log.Fatal(err)
		}
		content.Close()
		out.Close()
	}
}
