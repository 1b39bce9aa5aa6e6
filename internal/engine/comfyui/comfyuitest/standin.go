package comfyuitest

import (
	"path/filepath"
)

// StandIn makes this process a ComfyUI whose main.py was given args: it listens
// on their port, its files lie in their folders, and it does not return.
func StandIn(args []string) {
	given := map[string]string{}
	for i := 1; i < len(args); i++ {
		given[args[i-1]] = args[i]
	}
	Start(Options{
		Listen: given["--listen"] + ":" + given["--port"],
		Folders: map[string]string{"input": given["--input-directory"], "output": given["--output-directory"],
			"temp": filepath.Join(given["--temp-directory"], "temp")},
		Mortal: true,
	})
	select {}
}
