package picture

// Room is what all pictures share.
var Room = room
