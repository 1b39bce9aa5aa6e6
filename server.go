package settee

// ServerFile is the name, in a server's data folder, of the file by which
// commands on its machine find it. Its owner alone may read it.
const ServerFile = "server.json"

// Server is what ServerFile holds: where the server answers, and an operator's
// key.
type Server struct {
	URL string `json:"url"`
	Key string `json:"key"`
}
