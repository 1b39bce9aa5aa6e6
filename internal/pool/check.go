package pool

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/workflow"
)

// Limits of what a worker may say of its engine.
const (
	maxDevices = 64 << 10 // bytes
	maxModels  = 4 << 20  // bytes
	maxWord    = 128      // bytes of the engine's name and version
	MaxDepth   = 16       // jobs at once
)

// Check refuses a description that the other workers' pools would suffer from:
// what is written down must be readable for validation, for /object_info and
// for /system_stats. The error is a Fault of CodeInvalid.
func Check(d settee.Description) error {
	if _, err := workflow.ParseCatalog(d.Definitions); err != nil {
		return &settee.Fault{Code: settee.CodeInvalid, Message: "The node definitions cannot be read.", Err: err}
	}
	if _, err := newObjectInfo(d.Definitions); err != nil || !plain(string(d.Definitions)) {
		return &settee.Fault{Code: settee.CodeInvalid, Message: "The node definitions cannot be shown.", Err: err}
	}
	var devices []map[string]any
	if len(d.Devices) > maxDevices || !plain(string(d.Devices)) || json.Unmarshal(d.Devices, &devices) != nil {
		return settee.Faultf(settee.CodeInvalid, "The devices are a JSON array of objects of at most %d bytes.", maxDevices)
	}
	var models map[string][]string
	if d.Models != nil && (len(d.Models) > maxModels || !plain(string(d.Models)) || json.Unmarshal(d.Models, &models) != nil) {
		return settee.Faultf(settee.CodeInvalid, "The models are a JSON object of lists of names of at most %d bytes.", maxModels)
	}
	if err := settee.CheckPool(d.Engine); err != nil {
		return settee.Faultf(settee.CodeInvalid, "The engine's name is a word.")
	}
	if len(d.Version) > maxWord || !plain(d.Version) {
		return settee.Faultf(settee.CodeInvalid, "The engine's version is text of at most %d bytes.", maxWord)
	}
	if d.Depth < 1 || d.Depth > MaxDepth {
		return settee.Faultf(settee.CodeInvalid, "An engine takes 1 to %d jobs at once.", MaxDepth)
	}
	return nil
}

// plain reports whether every database can keep the text.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] == 0 {
			return false
		}
	}
	return utf8.ValidString(s)
}
