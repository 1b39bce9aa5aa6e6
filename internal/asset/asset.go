// Package asset keeps the files of accounts: names over blobs.
//
// What holds: a name appears once its bytes are safe, and with all of them; the
// same name with the same bytes is the same asset; no name, hash or link leads
// from one account to another's file, except a link that was signed for it and
// has not expired. All rules about what a file may be called are in name.go.
package asset

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/blob"
)

// Store writes down what accounts have.
type Store interface {
	// SaveBlob writes down that the bytes are kept. One that nothing refers to
	// counts as unreferenced since now.
	SaveBlob(ctx context.Context, b settee.Blob, now time.Time) error
	// RefreshBlob has bytes that are written down, and that nothing refers to,
	// count as unreferenced since now.
	RefreshBlob(ctx context.Context, hash string, now time.Time) error
	// SaveAsset names bytes; a.ID is for a new row. When the name is taken by
	// other bytes, overwrite gives them up (the row keeps its id), and without
	// overwrite the name becomes the first of names that is free or has these
	// bytes already. A row that has these bytes already is answered as it is.
	SaveAsset(ctx context.Context, a settee.Asset, overwrite bool) (settee.Asset, error)
	// Asset finds a file by its name; Fault CodeNotFound.
	Asset(ctx context.Context, accountID string, f settee.File) (settee.Asset, error)
	// AssetByHash finds the account's newest file with these bytes; Fault
	// CodeNotFound.
	AssetByHash(ctx context.Context, accountID, hash string) (settee.Asset, error)
	// Assets lists a folder, newest first.
	Assets(ctx context.Context, accountID string, folder settee.FileType) ([]settee.Asset, error)
}

// Options of a Service.
type Options struct {
	Now    func() time.Time
	Secret []byte   // from which the key of links is derived
	Former [][]byte // earlier secrets, whose links are still good
	Life   time.Duration
}

// Service is the accounts' files. It is safe for concurrent use.
type Service struct {
	store Store
	blobs blob.Store
	now   func() time.Time
	links *signer
}

// New makes a Service.
func New(store Store, blobs blob.Store, opt Options) *Service {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Service{store: store, blobs: blobs, now: opt.Now, links: newSigner(opt)}
}

// Upload is a file on its way in. File must have been through ParseName.
type Upload struct {
	File      settee.File
	Overwrite bool
	Content   io.Reader
	MIME      string // empty: by the name
}

// Upload stores content and names it. The answer may have another name: see
// Store.SaveAsset and Numbered. (operationId uploadImage)
func (s *Service) Upload(ctx context.Context, accountID string, u Upload) (settee.Asset, error) {
	b, err := s.blobs.Put(ctx, u.Content)
	if err != nil {
		return settee.Asset{}, err
	}
	return s.Name(ctx, accountID, u.File, b, u.MIME, u.Overwrite)
}

// Name names bytes that are stored already, as Upload does.
func (s *Service) Name(ctx context.Context, accountID string, f settee.File, b settee.Blob, mime string, overwrite bool) (settee.Asset, error) {
	if mime == "" {
		mime = MIME(f.Filename)
	}
	return s.store.SaveAsset(ctx, settee.Asset{
		ID: settee.NewID(), AccountID: accountID, File: f, Blob: b, MIME: mime, CreatedAt: s.now(),
	}, overwrite)
}

// Find finds a file by its name, or by its bytes when the name is a hash name;
// Fault CodeNotFound.
func (s *Service) Find(ctx context.Context, accountID string, f settee.File) (settee.Asset, error) {
	if hash, ok := HashName(f.Filename); ok {
		return s.store.AssetByHash(ctx, accountID, hash)
	}
	return s.store.Asset(ctx, accountID, f)
}

// List is a folder of the account, newest first.
func (s *Service) List(ctx context.Context, accountID string, folder settee.FileType) ([]settee.Asset, error) {
	return s.store.Assets(ctx, accountID, folder)
}

// Put stores bytes and writes down that they are kept. Until something names
// them they may be removed again some time later.
func (s *Service) Put(ctx context.Context, content io.Reader) (settee.Blob, error) {
	b, err := s.blobs.Put(ctx, content)
	if err != nil {
		return b, err
	}
	if err := s.store.SaveBlob(ctx, b, s.now()); err != nil {
		return settee.Blob{}, fmt.Errorf("write a blob down: %w", err)
	}
	return b, nil
}

// Open reads bytes by their hash. It asks for no account: callers hand in
// hashes that the caller may read.
func (s *Service) Open(ctx context.Context, hash string) (io.ReadSeekCloser, error) {
	return s.blobs.Open(ctx, hash)
}
