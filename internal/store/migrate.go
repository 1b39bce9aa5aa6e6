package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var embedded embed.FS

// migrations are the steps of this program's schema.
func migrations() fs.FS {
	steps, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return steps
}

// migrateSQLite brings a file up to date. A file that already holds something
// is copied first, to PATH.before-N, N being the newest step it will have.
func migrateSQLite(ctx context.Context, db *sql.DB, path string, steps fs.FS) error {
	p, err := provider(goose.DialectSQLite3, db, steps)
	if err != nil {
		return err
	}
	have, want, err := versions(ctx, p)
	if err != nil || have == want {
		return err
	}
	if have > 0 {
		copied := fmt.Sprintf("%s.before-%d", path, want)
		if err := os.Remove(copied); err != nil && !os.IsNotExist(err) {
			return err
		}
		if _, err := db.ExecContext(ctx, "VACUUM INTO "+quote(copied)); err != nil {
			return fmt.Errorf("copy the database before its migration: %w", err)
		}
	}
	_, err = p.Up(ctx)
	return err
}

// migratePostgres brings a database up to date, one server at a time.
func migratePostgres(ctx context.Context, db *sql.DB, steps fs.FS) error {
	var collation string
	if err := db.QueryRowContext(ctx, `SELECT datcollate FROM pg_database WHERE datname = current_database()`).Scan(&collation); err != nil {
		return err
	}
	switch strings.ToLower(strings.ReplaceAll(collation, "-", "")) {
	case "c", "posix", "c.utf8":
	default:
		return fmt.Errorf("the database sorts by %q; create it with LC_COLLATE 'C' (CREATE DATABASE … TEMPLATE template0 LOCALE 'C' ENCODING 'UTF8')", collation)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	p, err := provider(goose.DialectPostgres, db, steps, goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	if have, want, err := versions(ctx, p); err != nil || have == want {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func provider(d goose.Dialect, db *sql.DB, steps fs.FS, opt ...goose.ProviderOption) (*goose.Provider, error) {
	return goose.NewProvider(d, db, steps, append(opt, goose.WithDisableGlobalRegistry(true))...)
}

// versions are the schema's and this program's. A newer schema is an error: its
// data may mean something this program does not know.
func versions(ctx context.Context, p *goose.Provider) (have, want int64, err error) {
	have, want, err = p.GetVersions(ctx)
	if err == nil && have > want {
		err = fmt.Errorf("the database has schema %d, made by a newer version of this program; this one knows %d", have, want)
	}
	return have, want, err
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
