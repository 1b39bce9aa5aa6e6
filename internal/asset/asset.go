// Package asset keeps the files of accounts: names over blobs.
//
// What holds: a name appears once its bytes are safe, and with all of them, those of
// a small file in the same step (engine.Bytes); the same name with the same bytes is
// the same asset; no name, hash or link leads from one account to another's file,
// except a link that was signed for it and has not expired. All rules about what a
// file may be called are in name.go.
package asset

import (
	"context"
	"io"
	"time"

	"github.com/settee/settee"
	"github.com/settee/settee/internal/blob"
	"github.com/settee/settee/internal/engine"
)

// Store writes down what accounts have.
type Store interface {
	// SaveBlob writes down that the bytes are kept, and keeps those that came along.
	// Ones that nothing refers to count as unreferenced since now.
	SaveBlob(ctx context.Context, b engine.Bytes, now time.Time) error
	// RefreshBlob has bytes that are written down, and that nothing refers to,
	// count as unreferenced since now.
	RefreshBlob(ctx context.Context, hash string, now time.Time) error
	// SmallBlob reads bytes that came along once; not found when they never did.
	SmallBlob(ctx context.Context, hash string) (content []byte, found bool, err error)
	// SaveAsset names bytes, and keeps those that came along (small is that of
	// engine.Bytes); a.ID is for a new row. When the name is taken by
	// other bytes, overwrite gives them up (the row keeps its id), and without
	// overwrite the name becomes the first of names that is free or has these
	// bytes already. A row that has these bytes already is answered as it is.
	SaveAsset(ctx context.Context, a settee.Asset, small []byte, overwrite bool) (settee.Asset, error)
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
	// Stored is told of each file's size, and how long it took until its bytes were
	// on the disk or, those of a small one, there to be written down; nil: nobody is.
	Stored func(size int64, took time.Duration)
}

// Service is the accounts' files. It is safe for concurrent use.
type Service struct {
	store  Store
	blobs  blob.Store
	now    func() time.Time
	links  *signer
	stored func(size int64, took time.Duration)
}

// New makes a Service.
func New(store Store, blobs blob.Store, opt Options) *Service {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Stored == nil {
		opt.Stored = func(int64, time.Duration) {}
	}
	return &Service{store: store, blobs: blobs, now: opt.Now, links: newSigner(opt), stored: opt.Stored}
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
	b, err := s.take(ctx, u.Content)
	if err != nil {
		return settee.Asset{}, err
	}
	return s.Name(ctx, accountID, u.File, b, u.MIME, u.Overwrite)
}

// Name names bytes that Put has answered, as Upload does.
func (s *Service) Name(ctx context.Context, accountID string, f settee.File, b engine.Bytes, mime string, overwrite bool) (settee.Asset, error) {
	if mime == "" {
		mime = MIME(f.Filename)
	}
	return s.store.SaveAsset(ctx, settee.Asset{
		ID: settee.NewID(), AccountID: accountID, File: f, Blob: b.Blob, MIME: mime, CreatedAt: s.now(),
	}, b.Small, overwrite)
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
