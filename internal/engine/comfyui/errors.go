package comfyui

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
	"github.com/settee/settee/internal/pyjson"
)

func isStatus(err error, status int) bool {
	s, ok := errors.AsType[*statusError](err)
	return ok && s.Status == status
}

// refuse is a Failure of our own: the graph is not given to ComfyUI.
func refuse(job engine.Job, node, class, kind, message string) *engine.Failure {
	data, err := json.Marshal(struct {
		PromptID string         `json:"prompt_id"`
		Node     string         `json:"node_id"`
		Class    string         `json:"node_type"`
		Executed []string       `json:"executed"`
		Message  string         `json:"exception_message"`
		Type     string         `json:"exception_type"`
		Trace    []string       `json:"traceback"`
		Inputs   map[string]any `json:"current_inputs"`
		Outputs  []string       `json:"current_outputs"`
	}{job.PromptID, node, class, []string{}, message, kind, []string{}, map[string]any{}, []string{}})
	if err != nil {
		panic(err) // strings only
	}
	return &engine.Failure{Event: settee.Event{Type: settee.EventError, Data: data}}
}

// interrupted is the ending of a job that was stopped before ComfyUI said how.
func interrupted(job engine.Job) *engine.Interrupted {
	data := []byte(`{"prompt_id": ` + string(pyjson.Quote(job.PromptID)) + `, "node_id": "", "node_type": "", "executed": []}`)
	return &engine.Interrupted{Event: settee.Event{Type: settee.EventInterrupted, Data: data}}
}

// Exceptions that are not terminal, not the workflow's fault, or worth another
// try (protocol note 2.5, 7.5).

func isBlocked(data pyjson.Value) bool {
	return data.Get("exception_type").Text() == "ExecutionBlocked"
}

func isOutOfMemory(data pyjson.Value) bool {
	return strings.HasSuffix(data.Get("exception_type").Text(), "OutOfMemoryError") ||
		strings.HasPrefix(data.Get("exception_message").Text(), "Allocation on device")
}

// isFull reports that a node could not write: the machine's trouble, though a
// node told it.
func isFull(data pyjson.Value) bool {
	return strings.HasSuffix(data.Get("exception_type").Text(), "OSError") && strings.Contains(data.Get("exception_message").Text(), "[Errno 28]")
}

// faults are words of a device, its driver or its libraries. After one of them
// the process computes nothing any more.
var faults = []string{
	"CUDA error", "CUDA driver error", "CUDA kernel errors", "cuDNN error", "CUDNN_STATUS_", "CUBLAS_STATUS_", "CUSOLVER_STATUS_",
	"device-side assert", "illegal memory access", "unspecified launch failure", "misaligned address", "HIP error", "hipError",
	"NVRTC", "NCCL error", "driver shutting down", "no CUDA-capable device", "GPU is lost",
}

func isFault(data pyjson.Value) bool {
	if isOutOfMemory(data) {
		return false
	}
	message := data.Get("exception_message").Text()
	for _, f := range faults {
		if strings.Contains(message, f) {
			return true
		}
	}
	return strings.HasSuffix(data.Get("exception_type").Text(), "AcceleratorError")
}
