package overview_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/settee/settee/test/overview"
	"github.com/settee/settee/test/process"
)

// Sections of the document.
const (
	keySection      = "Using the API Key"
	parallelSection = "Example: Submitting Multiple Jobs in Parallel"
	submitSection   = "Step 1: Submit a Workflow"
	pollSection     = "Option A: Polling (Simple)"
	socketSection   = "Option B: WebSocket (Real-time Progress)"
	downloadSection = "Step 3: Download Outputs"
	completeSection = "Complete Example"
)

// What the document's fragments use but do not define.
const typescriptPrelude = `import { writeFile, mkdir } from "node:fs/promises";
import { Buffer } from "node:buffer";
await mkdir("./my_outputs", { recursive: true });
const getHeaders = () => ({ "X-API-Key": API_KEY });
`

func TestOverview(t *testing.T) {
	document := os.Getenv("SETTEE_OVERVIEW")
	if document == "" {
		t.Skip("SETTEE_OVERVIEW does not name the overview: its code was NOT run")
	}
	blocks, err := overview.Blocks(document)
	if err != nil {
		t.Fatal(err)
	}
	base := process.Serve(t).URL
	block := func(section, lang string) string {
		for _, b := range blocks {
			if b.Section == section && b.Lang == lang {
				return strings.NewReplacer(
					"https://cloud.comfy.org", base,
					"wss://cloud.comfy.org", strings.Replace(base, "http", "ws", 1),
				).Replace(b.Code)
			}
		}
		t.Fatalf("the document has no %s code under %q", lang, section)
		return ""
	}
	workflow, err := os.ReadFile("../../examples/sunset.json")
	if err != nil {
		t.Fatal(err)
	}

	python := func(t *testing.T, dir, program string) string {
		write(t, filepath.Join(dir, "program.py"), program)
		return run(t, dir, interpreter(t), absolute(t, "fragments.py"), "program.py")
	}
	typescript := func(t *testing.T, dir, program string) string {
		write(t, filepath.Join(dir, "program.ts"), program)
		deno := absolute(t, "node_modules/deno/bin.cjs")
		if _, err := os.Stat(deno); err != nil {
			missing(t, "the TypeScript runtime is missing: run npm ci in test/overview")
		}
		return run(t, dir, "node", deno, "run", "-A", "--no-check", "--no-remote", "--quiet", "program.ts")
	}
	bash := func(t *testing.T, dir, program string) string {
		return run(t, dir, "bash", "-euo", "pipefail", "-c", program)
	}

	programs := []struct {
		name  string
		run   func(t *testing.T, dir, program string) string
		code  string
		says  []string // in its output
		files bool     // an output picture lies in dir or dir/my_outputs afterwards
	}{
		{"python key", python, block(keySection, "python") + "print(response.status_code, response.json()['status'])\n", []string{"200 active"}, false},
		{"python parallel", python, block(parallelSection, "python"), []string{"Job submitted: "}, false},
		{"python poll", python, "import time\n" + block(submitSection, "python") + block(pollSection, "python"), []string{"Job submitted: ", "Job completed!"}, false},
		{"python socket", python, block(submitSection, "python") + block(socketSection, "python") + block(downloadSection, "python"), []string{"Job completed successfully!", "Saved: ./my_outputs"}, true},
		{"python poll then socket", python, "import time\n" + block(submitSection, "python") + block(pollSection, "python") + block(socketSection, "python") + block(downloadSection, "python"), []string{"Job completed!", "Job completed successfully!", "Saved: "}, true},
		{"python complete", python, block(completeSection, "python"), []string{"Job submitted: ", "Downloaded: "}, true},
		{"typescript key", typescript, block(keySection, "typescript") + "console.log(response.status, user.status);\n", []string{"200 active"}, false},
		{"typescript parallel", typescript, block(parallelSection, "typescript"), []string{"Job submitted: "}, false},
		{"typescript poll", typescript, typescriptPrelude + block(submitSection, "typescript") + block(pollSection, "typescript"), []string{"Job completed!"}, false},
		{"typescript socket", typescript, typescriptPrelude + block(submitSection, "typescript") + block(socketSection, "typescript") + block(downloadSection, "typescript"), []string{"Job completed successfully!", "Saved: ./my_outputs"}, true},
		{"typescript complete", typescript, block(completeSection, "typescript"), []string{"Downloaded: "}, true},
		{"curl key", bash, block(keySection, "bash"), []string{`"status"`}, false},
		{"curl submit and poll", bash, "reply=$(" + strings.TrimSpace(block(submitSection, "bash")) + ")\n" +
			"prompt_id=$(node -p 'JSON.parse(process.argv[1]).prompt_id' \"$reply\")\n" +
			"until " + strings.ReplaceAll(curlCommand(block(pollSection, "bash")), "{prompt_id}", "$prompt_id") + " | tee status.json | grep -q completed; do sleep 0.1; done\ncat status.json\n",
			[]string{`"completed"`}, false},
		{"curl download", bash, block(downloadSection, "bash") + "cmp output.png kept.png && echo same\n", []string{"same"}, false},
	}
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "workflow_api.json"), string(workflow))
			if p.name == "curl download" {
				picture := keep(t, base, "output.png")
				write(t, filepath.Join(dir, "kept.png"), string(picture))
			}
			t.Setenv("COMFY_CLOUD_API_KEY", process.Key)
			t.Setenv("BASE_URL", base)
			out := p.run(t, dir, p.code)
			for _, want := range p.says {
				if !strings.Contains(out, want) {
					t.Errorf("printed\n%s\nwithout %q", out, want)
				}
			}
			if p.files {
				pictures, _ := filepath.Glob(filepath.Join(dir, "*.png"))
				more, _ := filepath.Glob(filepath.Join(dir, "my_outputs", "*.png"))
				pictures = append(pictures, more...)
				if len(pictures) == 0 {
					t.Fatal("no picture was saved")
				}
				for _, path := range pictures {
					b, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) || !bytes.Contains(b, []byte("IEND")) {
						t.Errorf("%s is no whole PNG (%d bytes)", path, len(b))
					}
				}
			}
		})
	}
}

// curlCommand is the command of a block without the comments below it.
func curlCommand(code string) string {
	var kept []string
	for line := range strings.Lines(code) {
		if !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return strings.TrimSpace(strings.Join(kept, ""))
}

// keep puts a picture under name among the account's outputs.
func keep(t *testing.T, base, name string) []byte {
	t.Helper()
	picture, err := os.ReadFile("../../examples/pier.png")
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("type", "output"); err != nil {
		t.Fatal(err)
	}
	part, err := form.CreateFormFile("image", name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(picture); err != nil {
		t.Fatal(err)
	}
	form.Close()
	req, err := http.NewRequest(http.MethodPost, base+"/api/upload/image", &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("X-API-Key", process.Key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got struct{ Name string }
	reply, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(reply, &got); err != nil || got.Name != name {
		t.Fatalf("upload: %d %s", res.StatusCode, reply)
	}
	return picture
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// interpreter is a Python that has the libraries the overview imports.
func interpreter(t *testing.T) string {
	t.Helper()
	python := os.Getenv("PYTHON")
	if python == "" {
		python = "python3"
	}
	if out, err := exec.Command(python, "-c", "import requests, aiohttp").CombinedOutput(); err != nil {
		missing(t, "Python's requests and aiohttp are missing: "+strings.TrimSpace(string(out)))
	}
	return python
}

// missing skips loudly, or fails where nothing may be skipped.
func missing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("SETTEE_TEST_REQUIRE") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
