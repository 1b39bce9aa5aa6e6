package main

import "runtime"

// ballast makes the garbage collector's smallest cycle larger: it runs when the
// heap has doubled, which for one as small as a server's is dozens of times a
// second under load. Memory that is never touched takes no room, but what is
// thrown away until then does: a worker beside a ComfyUI has none.
var ballast []byte

func takeBallast() {
	ballast = make([]byte, 16<<20)
	runtime.KeepAlive(ballast)
}
