package asset

import (
	"context"
	"path"
	"strings"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/workflow"
)

// Account answers for the names in an account's workflows.
func (s *Service) Account(accountID string) workflow.Files { return accountFiles{s, accountID} }

type accountFiles struct {
	service *Service
	account string
}

// Resolve finds the file that a node's input names: "cat.png",
// "dir/cat.png [output]", or a hash name. A reference that leaves its folder
// names nothing. (workflow.Files, protocol note 5.3.2)
func (a accountFiles) Resolve(ctx context.Context, reference string, folder settee.FileType) (settee.Blob, bool, error) {
	name, typ := annotation(reference, string(folder))
	inside, ok := below(name)
	if !ok || inside == "" || strings.HasSuffix(name, "/") || !storable(name) {
		return settee.Blob{}, false, nil
	}
	dir, last := path.Split(inside)
	found, err := a.service.Find(ctx, a.account, settee.File{
		Filename: last, Subfolder: strings.TrimSuffix(dir, "/"), Type: settee.FileType(typ),
	})
	switch {
	case settee.CodeOf(err) == settee.CodeNotFound:
		return settee.Blob{}, false, nil
	case err != nil:
		return settee.Blob{}, false, err
	}
	return found.Blob, true, nil
}
