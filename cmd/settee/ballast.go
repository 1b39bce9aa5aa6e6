package main

// ballast makes the garbage collector's smallest cycle larger: it runs when the
// heap has doubled, which for one as small as this server's is dozens of times
// a second under load. Memory that is never touched takes no room.
var ballast = make([]byte, 16<<20)
