package record

import (
	"encoding/json"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/engine"
)

// Success is the execution_success of a job.
func Success(promptID string) settee.Event {
	return settee.Event{Type: settee.EventSuccess, Data: object(field{"prompt_id", text(promptID)})}
}

// Interrupted is the execution_interrupted of a job that no engine speaks for.
func Interrupted(promptID string) settee.Event {
	return settee.Event{Type: settee.EventInterrupted, Data: object(
		field{"prompt_id", text(promptID)}, field{"node_id", text("")}, field{"node_type", text("")},
		field{"executed", json.RawMessage("[]")})}
}

// Failure is the execution_error of a job that no engine speaks for.
func Failure(promptID, kind, message string) settee.Event {
	return FailureOf(promptID, "", "", kind, message)
}

// FailureOf is Failure of a node.
func FailureOf(promptID, node, class, kind, message string) settee.Event {
	return settee.Event{Type: settee.EventError, Data: object(
		field{"prompt_id", text(promptID)}, field{"node_id", text(node)}, field{"node_type", text(class)},
		field{"executed", json.RawMessage("[]")}, field{"exception_message", text(message)},
		field{"exception_type", text(kind)}, field{"traceback", json.RawMessage("[]")},
		field{"current_inputs", json.RawMessage("{}")}, field{"current_outputs", json.RawMessage("[]")})}
}

// Idle is the data of the executing that says that a job runs no more.
func Idle(promptID string) json.RawMessage {
	return object(field{"node", json.RawMessage("null")}, field{"prompt_id", text(promptID)})
}

// ExecutedData is the data of an executed event, and its meta entry in history.
func ExecutedData(promptID string, x engine.Executed, output json.RawMessage) (data, meta json.RawMessage) {
	data = object(field{"node", text(x.Node)}, field{"display_node", text(x.DisplayNode)},
		field{"output", output}, field{"prompt_id", text(promptID)})
	parent := json.RawMessage("null")
	if x.ParentNode != "" {
		parent = text(x.ParentNode)
	}
	if x.MetaNode != "" { // a twin shows the node that ran
		x.Node, x.DisplayNode, x.RealNode = x.MetaNode, x.MetaNode, x.MetaNode
	}
	meta = object(field{"node_id", text(x.Node)}, field{"display_node", text(x.DisplayNode)},
		field{"parent_node", parent}, field{"real_node_id", text(x.RealNode)})
	return data, meta
}
