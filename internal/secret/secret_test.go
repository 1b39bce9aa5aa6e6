package secret_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/settee/settee/internal/secret"
)

func TestSecretSurvivesAndStaysPrivate(t *testing.T) {
	dir := t.TempDir()
	first, err := secret.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := secret.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := first.Seal("partner", []byte("k-1"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open("partner", sealed); err != nil || string(got) != "k-1" {
		t.Errorf("the reloaded secret opened %q, %v", got, err)
	}
	if _, err := again.Open("link", sealed); err == nil {
		t.Error("another purpose's key opened it")
	}
	info, err := os.Stat(filepath.Join(dir, "secret"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
	if _, err := secret.Parse("too short"); err == nil {
		t.Error("a bad secret was taken")
	}
}
