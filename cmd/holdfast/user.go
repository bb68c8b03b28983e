package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"holdfast/biz/ledger"
	"holdfast/biz/seed"
	"holdfast/cmd/holdfast/config"
	"holdfast/cmd/holdfast/host"
	"holdfast/cmd/holdfast/terminal"
	"holdfast/perf/outfile"
	"holdfast/perf/table"
)

const userLong = `user lists and changes who may log in to a server: the customers in its seed file, their
roles, passwords and tokens. It replaces the file as a whole or not at all, keeps its permissions,
and leaves the rest of its text as it is. A file that the server would refuse is not written.

A running server has the change after it has read the file again: add --reload to tell it, with
the login of an operator, or use "holdfast reload" or the signal SIGHUP.`

const userExample = `  holdfast user list --seed-file seed.json
  holdfast user add 100101 --name "Ann" --cash 50000.00 --seed-file seed.json
  holdfast user add 900002 --role viewer --seed-file seed.json --reload
  holdfast user passwd 100101 --seed-file seed.json
  holdfast user token 100101 --seed-file seed.json --reload --password -
  holdfast user revoke 100101 --seed-file seed.json --reload`

// newUserCommand returns the group of commands for the customers of a seed file.
func newUserCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "user", Short: "add customers, change their logins and list them, in a seed file",
		Long: userLong, Example: userExample, Args: subcommandOnly, RunE: showHelp,
	}
	cmd.AddCommand(newUserAddCommand(p), newUserListCommand(p), newUserPasswdCommand(p), newUserRevokeCommand(p), newUserTokenCommand(p))
	return cmd
}

// The logins of "user add".
const (
	loginToken    = "token"
	loginPassword = "password"
	loginNone     = "none"
)

func newUserAddCommand(p *Program) *cobra.Command {
	var c seed.Customer
	var role, login string
	cmd := &cobra.Command{
		Use: "add CUSTOMER", Short: "add a customer to a seed file", Args: exactArgs("CUSTOMER"),
		Long: `add adds a customer without positions, and makes a login: a token, which it prints once, or
with --login password a password, which it asks for twice at a terminal or reads as a line from the
standard input.

A customer with the role operator also reads and changes every account and the market. One with the
role viewer reads every account, and changes nothing.`,
		Example: `  holdfast user add 100101 --name "Ann" --cash 50000.00 --seed-file seed.json
  holdfast user add 900002 --role viewer --login password --seed-file seed.json --reload`,
	}
	e := newUserEdit(p, cmd, func(f *seed.File, number ledger.Customer) (r userResult, err error) {
		c.Number = number
		c.Role, _ = seed.ParseRole(role) // the flag has checked it
		switch login {
		case loginToken:
			r.Token, c.TokenSHA256 = newToken()
		case loginPassword:
			c.Password, err = p.askNewPassword(number)
		}
		if err == nil {
			err = f.Add(&c)
		}
		return r, err
	})
	f := cmd.Flags()
	f.StringVar(&c.Name, "name", "", "`name` of the customer")
	f.Var(newOneOf(&role, seed.RoleCustomer.String(), roleNames()), "role", "`role`: customer, operator or viewer")
	f.Var(newChecked(&c.Cash, 0, "amount", parseCash), "cash", "cash at the start")
	f.BoolVar(&c.Directives, "directives", false, "let the customer demand outcomes in client order ids")
	f.Var(newOneOf(&login, loginToken, []string{loginToken, loginPassword, loginNone}), "login", "what `kind` of login to make: token, password or none")
	return e.addFlags()
}

// parseCash reads an amount of at least 0.
func parseCash(text string) (ledger.Money, error) {
	m, err := ledger.ParseMoney(text)
	if err != nil || m < 0 || m > ledger.MaxMoney {
		return 0, errors.New("wants an amount such as 50000.00, with at most 4 decimals")
	}
	return m, nil
}

func roleNames() (names []string) {
	for _, r := range seed.Roles() {
		names = append(names, r.String())
	}
	return names
}

func newUserPasswdCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "passwd CUSTOMER", Short: "set a customer's password in a seed file", Args: exactArgs("CUSTOMER"),
		Long: `passwd sets the password of a customer. It asks for it twice at a terminal, without showing it,
or reads it as a line from the standard input. The file gets an Argon2id hash. A token of the customer
stays as it is.`,
		Example: `  holdfast user passwd 100101 --seed-file seed.json
  pass show holdfast/100101 | holdfast user passwd 100101 --seed-file seed.json --reload`,
	}
	return newUserEdit(p, cmd, func(f *seed.File, number ledger.Customer) (r userResult, err error) {
		hash, err := p.askNewPassword(number)
		if err == nil {
			err = f.SetPassword(number, hash)
		}
		return r, err
	}).addFlags()
}

func newUserTokenCommand(p *Program) *cobra.Command {
	cmd := &cobra.Command{
		Use: "token CUSTOMER", Short: "make a new token of a customer in a seed file", Args: exactArgs("CUSTOMER"),
		Long: `token makes a new random token and prints it once, in hexadecimal. The file gets its SHA-256; the
former token is no longer valid. A password of the customer stays as it is.`,
		Example: "  holdfast user token 100101 --seed-file seed.json --reload",
	}
	return newUserEdit(p, cmd, func(f *seed.File, number ledger.Customer) (r userResult, err error) {
		token, hash := newToken()
		r.Token = token
		return r, f.SetToken(number, hash[:])
	}).addFlags()
}

func newUserRevokeCommand(p *Program) *cobra.Command {
	var only string
	cmd := &cobra.Command{
		Use: "revoke CUSTOMER", Short: "remove the logins of a customer from a seed file", Args: exactArgs("CUSTOMER"),
		Long: `revoke removes the password and the token of a customer, who can't log in any more. The account
stays. A reload ends the sessions that used them.`,
		Example: "  holdfast user revoke 100101 --seed-file seed.json --reload\n  holdfast user revoke 100101 --only token --seed-file seed.json",
	}
	e := newUserEdit(p, cmd, func(f *seed.File, number ledger.Customer) (r userResult, err error) {
		if only != loginToken {
			err = f.SetPassword(number, "")
		}
		if err == nil && only != loginPassword {
			err = f.SetToken(number, nil)
		}
		return r, err
	})
	cmd.Flags().Var(newOptional(newChecked(&only, "", "string", oneLogin)), "only", "remove only the `login`: token or password")
	return e.addFlags()
}

func oneLogin(text string) (string, error) {
	if text != loginToken && text != loginPassword {
		return "", errors.New("wants token or password")
	}
	return text, nil
}

// userResult is what an edit has done.
type userResult struct {
	File     string          `json:"file"`
	Customer ledger.Customer `json:"customer"`
	Token    string          `json:"token,omitempty"`
}

// userEdit is a command that changes a customer of a seed file.
type userEdit struct {
	*cobra.Command
	p      *Program
	edit   func(*seed.File, ledger.Customer) (userResult, error)
	path   string
	reload bool
	json   bool
	access access
}

func newUserEdit(p *Program, cmd *cobra.Command, edit func(*seed.File, ledger.Customer) (userResult, error)) *userEdit {
	e := &userEdit{Command: cmd, p: p, edit: edit}
	cmd.Flags().SortFlags = false
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		number, err := parseCustomer(args[0])
		if err == nil {
			err = e.checkReload()
		}
		if err == nil {
			err = checkSeedFile(e.path)
		}
		if err != nil {
			return usagef(cmd, "%s", err)
		}
		return e.run(cmd.Context(), ledger.Customer(number))
	}
	return e
}

// addFlags adds the flags of all commands that edit, after the others.
func (e *userEdit) addFlags() *cobra.Command {
	f := e.Flags()
	addSeedFile(f, e.p, &e.path)
	addJSON(f, &e.json)
	f.BoolVar(&e.reload, "reload", false, "make a running server read the file, with the login of an operator")
	e.access.add(f, "operator", 900001, "with --reload: customer `number` of the operator")
	return e.Command
}

func addSeedFile(f *pflag.FlagSet, p *Program, path *string) {
	f.StringVar(path, "seed-file", p.Getenv(config.EnvPrefix+"SEED_FILE"), "seed `file` of the server")
}

// checkSeedFile returns an error without a file to work on.
func checkSeedFile(path string) error {
	if path == "" {
		return errors.New(`name the seed file of the server with --seed-file: the demo seed is part of the program; write a file with "holdfast seed" first, and start the server with it`)
	}
	return nil
}

// checkReload returns what is wrong with the flags for a server.
func (e *userEdit) checkReload() error {
	if e.reload {
		return nil
	}
	for _, name := range []string{"addr", "door", "operator", "password", "token"} {
		if e.Flags().Changed(name) {
			return fmt.Errorf("--%s needs --reload: it is for the login of an operator", name)
		}
	}
	return nil
}

// run edits the file, prints what is new, and makes the server reload.
func (e *userEdit) run(ctx context.Context, number ledger.Customer) error {
	before, err := os.ReadFile(e.path)
	if err != nil {
		return config.Unreadable(e.path, err)
	}
	f, _, err := seed.Edit(e.path, before)
	if err != nil {
		return host.SeedError(e.path, err)
	}
	done, err := e.edit(f, number)
	if err != nil {
		return fmt.Errorf("%s: %w", e.path, err)
	}
	after, err := f.Text()
	if err != nil {
		return host.SeedError(e.path, err)
	}
	if err := replaceSeed(e.path, before, after); err != nil {
		return err
	}
	done.File, done.Customer = e.path, number
	if err := e.show(&done); err != nil {
		return err
	}
	if !e.reload {
		return nil
	}
	if err := e.reloadServer(ctx); err != nil {
		return fmt.Errorf("%s was changed, but the server has not read it: %w", e.path, err)
	}
	return nil
}

func (e *userEdit) show(done *userResult) error {
	if e.json {
		return e.p.printJSON(done)
	}
	if err := e.p.say("%s: changed customer %d", done.File, done.Customer); err != nil {
		return err
	}
	if done.Token != "" {
		if err := e.p.say("token %s", done.Token); err != nil {
			return err
		}
	}
	if e.reload {
		return nil
	}
	return e.p.say(`a running server has this after "holdfast reload" or the signal SIGHUP`)
}

func (e *userEdit) reloadServer(ctx context.Context) error {
	c, err := e.access.login(ctx, e.p)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }() // always nil
	e.p.json = e.json
	return operatingAdvice(e.p.reloadServer(ctx, c))
}

// replaceSeed replaces a file that still has the content before. It keeps permissions and owner.
func replaceSeed(path string, before, after []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return config.Unreadable(path, err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, before) {
		return fmt.Errorf("%s was changed meanwhile by somebody else: run the command again", path)
	}
	if bytes.Equal(before, after) {
		return nil
	}
	err = outfile.Write(path, 0o600, io.Discard, func(w io.Writer) error {
		_, err := w.Write(after)
		return err
	})
	if owner, is := info.Sys().(*syscall.Stat_t); is && err == nil {
		err = os.Chown(path, int(owner.Uid), int(owner.Gid)) // of the server: root may have edited it
	}
	return errors.Join(err, syncFolder(path, io.Discard))
}

// newToken returns a random token and its hash.
func newToken() (token string, hash [sha256.Size]byte) {
	var b [sha256.Size]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:]), sha256.Sum256(b[:])
}

// askNewPassword returns the hash of a new password: asked for twice at a terminal, or the first line
// of the standard input.
func (p *Program) askNewPassword(c ledger.Customer) (hash string, err error) {
	password, err := terminal.AskPassword(p.Stdin, fmt.Sprintf("new password of %d: ", c))
	switch {
	case errors.Is(err, terminal.ErrNotATerminal):
		password, err = readLine(p.Stdin)
	case err == nil:
		var again string
		if again, err = terminal.AskPassword(p.Stdin, "again: "); err == nil && again != password {
			err = errors.New("the two passwords differ")
		}
	}
	switch {
	case err != nil:
		return "", err
	case password == "":
		return "", errors.New("the password is empty: type it at a terminal, or give it as a line of the standard input")
	case len(password) > seed.MaxPasswordSize:
		return "", fmt.Errorf("the password is longer than %d bytes", seed.MaxPasswordSize)
	}
	var salt [seed.SaltSize]byte
	_, _ = rand.Read(salt[:]) // it never fails
	return seed.HashPassword(password, salt), nil
}

// readLine returns the first line of r, without its end.
func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, seed.MaxPasswordSize+2)).ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimRight(line, "\r\n"), err
}

func newUserListCommand(p *Program) *cobra.Command {
	var path string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "list the customers of a seed file", Args: noArgs,
		Long: `list lists the customers in a seed file, with their roles and which logins they have. With --json
it prints an object per customer.`,
		Example: "  holdfast user list --seed-file seed.json\n  holdfast user list --seed-file seed.json --json",
	}
	cmd.Flags().SortFlags = false
	addSeedFile(cmd.Flags(), p, &path)
	addJSON(cmd.Flags(), &asJSON)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkSeedFile(path); err != nil {
			return usagef(cmd, "%s", err)
		}
		s, err := host.LoadSeed(path)
		if err != nil {
			return err
		}
		return p.showUsers(s.Customers, asJSON)
	}
	return cmd
}

// user is a customer of a seed file, for programs.
type user struct {
	Customer   ledger.Customer `json:"customer"`
	Name       string          `json:"name"`
	Role       string          `json:"role"`
	Password   bool            `json:"password"`
	Token      bool            `json:"token"`
	Directives bool            `json:"directives"`
	Cash       string          `json:"cash"`
	Positions  int             `json:"positions"`
	FIX        []string        `json:"fix"` // CompIDs
}

func (p *Program) showUsers(customers []seed.Customer, asJSON bool) error {
	t := p.table([]int{1}, ">CUSTOMER", "NAME", "ROLE", "LOGIN", ">CASH", ">POSITIONS", "FIX")
	for i := range customers {
		c := &customers[i]
		compIDs := []string{}
		for n := range c.FIX {
			compIDs = append(compIDs, c.FIX[n].CompID)
		}
		u := user{
			c.Number, c.Name, c.Role.String(), c.Password != "", c.TokenSHA256 != [sha256.Size]byte{}, c.Directives, c.Cash.String(), len(c.Holdings), compIDs,
		}
		if asJSON {
			if err := p.printJSON(u); err != nil {
				return err
			}
			continue
		}
		login := "none"
		switch {
		case u.Password && u.Token:
			login = "password, token"
		case u.Password:
			login = "password"
		case u.Token:
			login = "token"
		}
		t.Add(fmt.Sprint(u.Customer), table.Escape(u.Name), u.Role, login, u.Cash, fmt.Sprint(u.Positions), strings.Join(u.FIX, ", "))
	}
	if asJSON {
		return nil
	}
	_, err := fmt.Fprint(p.Stdout, t)
	return err
}
