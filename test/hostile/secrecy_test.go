package hostile_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// However a key is shown, right or wrong, it is not in the log, and neither are
// queries, names or prompts; partner keys are nowhere on the disk in clear.
func TestSecretsStayOutOfTheLog(t *testing.T) {
	h := enter(t, "--log-level", "debug")
	guest := h.guestOf("ann")
	const (
		wrong   = "comfyui-wrongwrongwrong"
		partner = "comfyui-partnerpartnerpartner"
	)
	secrets := []string{guest.key, h.operator(), wrong, partner, "holiday", "private-id", "my words", "signature="}
	for _, key := range []string{guest.key, h.operator(), wrong} {
		for _, path := range []string{"/api/queue", "/queue", "/admin/keys", "/nothing", "/api/jobs/private-id", "/ws"} {
			for _, header := range [][]string{{"X-API-Key", key}, {"Authorization", "Bearer " + key}, {"Authorization", key},
				{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+key))}, {"Cookie", "session=" + key}} {
				bare := *h
				bare.key = ""
				bare.ask("GET", path, nil, header...)
			}
			bare := *h
			bare.key = ""
			bare.ask("GET", path+"?token="+key+"&clientId=private-id", nil)
			bare.ask("GET", path+"?api_key="+key+";token="+key, nil)
			bare.ask("BREW", path+"?token="+key, nil)
		}
		conn, _, err := websocket.Dial(t.Context(), h.URL+"/ws?token="+url.QueryEscape(key)+"&clientId=private-id", nil)
		if err == nil {
			conn.CloseNow()
		} else if key == guest.key {
			t.Error(err)
		}
		conn, _, err = websocket.Dial(t.Context(), h.URL+"/ws", &websocket.DialOptions{HTTPHeader: http.Header{"X-Api-Key": {key}}})
		if err == nil {
			conn.CloseNow()
		}
	}
	saved := guest.uploaded(guest.upload("holiday.png", square(t, 2)))
	a := guest.ask("GET", "/api/view?type=input&filename="+saved, nil)
	guest.ask("GET", strings.TrimPrefix(a.header.Get("Location"), h.URL), nil)
	guest.ask("GET", strings.TrimPrefix(a.header.Get("Location"), h.URL)+"x", nil)
	guest.ask("GET", "/view?type=input&channel=rgb&filename="+saved, nil)
	guest.ask("GET", "/view?type=input&filename=holiday-that-is-not.png", nil)
	guest.post(`{"prompt":{"1":{"class_type":"holiday","inputs":{"text":"my words"}}},"client_id":"private-id"}`)
	submitted := guest.post(`{"prompt":` + guest.picture(7) + `,"extra_data":{"api_key_comfy_org":"` + partner + `","auth_token_comfy_org":"` + partner + `","extra_pnginfo":{"workflow":{"title":"my words"}}}}`)
	if submitted.status != 200 {
		t.Fatalf("submit: %v", submitted)
	}
	id := strings.Split(string(submitted.body), `"`)[3]
	guest.ended(id)
	for _, path := range []string{"/api/jobs/" + id, "/api/history/" + id, "/history/" + id, "/api/history_v2/" + id, "/api/jobs", "/api/queue"} {
		if a := guest.ask("GET", path, nil); strings.Contains(string(a.body), partner) {
			t.Errorf("%s echoes a partner key", path)
		}
	}
	log := h.Log()
	if !strings.Contains(log, "path=") {
		t.Fatalf("the log tells nothing:\n%.500s", log)
	}
	for _, s := range secrets {
		if i := strings.Index(log, s); i >= 0 {
			t.Errorf("the log holds %q: …%s…", s, log[max(0, i-200):min(len(log), i+100)])
		}
	}
	err := filepath.WalkDir(h.Data, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "server.json" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, s := range []string{partner, guest.key} {
			if strings.Contains(string(text), s) {
				t.Errorf("%s holds %q", d.Name(), s)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// What the data folder holds is its owner's alone.
func TestTheDataFolderIsPrivate(t *testing.T) {
	h := enter(t)
	for _, name := range []string{"server.json", "secret", "server.id"} {
		info, err := os.Stat(filepath.Join(h.Data, name))
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
}
