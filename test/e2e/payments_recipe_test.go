package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// block is something printed in a document.
type block struct{ language, text string }

var printed = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// blocks reads what a document prints below a heading.
func blocks(t *testing.T, path, heading string) (all []block) {
	t.Helper()
	document, err := os.ReadFile(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(document), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", path, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, match := range printed.FindAllStringSubmatch(section, -1) {
		all = append(all, block{match[1], match[2]})
	}
	return all
}

// shell is a terminal in a directory of its own, beside a running system.
type shell struct {
	t      *testing.T
	input  io.Writer
	output *bufio.Reader
}

// openShell opens a terminal like that of somebody who has said make run.
func openShell(t *testing.T) *shell {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(throughProxy(t, nil))
	if err := errors.Join(err, os.Mkdir(filepath.Join(dir, ".local"), 0o700), os.WriteFile(filepath.Join(dir, ".local", "dev.json"), text, 0o600)); err != nil {
		t.Fatal(err)
	}
	bash := exec.Command("bash", "--noprofile", "--norc", "-s")
	bash.Dir = dir
	input, err := bash.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := bash.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	bash.Stderr = os.Stderr
	if err := bash.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = input.Close()
		_ = bash.Wait()
	})
	return &shell{t, input, bufio.NewReader(output)}
}

// run types a block and returns what it prints.
func (s *shell) run(commands string) string {
	s.t.Helper()
	const end = "--- the block is over, with status "
	if _, err := fmt.Fprintf(s.input, "%s\necho \"\n%s$?\"\n", commands, end); err != nil {
		s.t.Fatal(err)
	}
	var out strings.Builder
	for {
		line, err := s.output.ReadString('\n')
		if err != nil {
			s.t.Fatalf("the terminal has closed: %v\n%s", err, out.String())
		}
		if status, over := strings.CutPrefix(line, end); over {
			if strings.TrimSpace(status) != "0" {
				s.t.Fatalf("status %s of\n%s\n%s", status, commands, out.String())
			}
			return strings.TrimSpace(out.String())
		}
		out.WriteString(line)
	}
}

// values reads JSON texts, one after the other.
func values(t *testing.T, text string) (all []any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	for {
		var value any
		err := decoder.Decode(&value)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		all = append(all, value)
	}
}

// A newcomer sells something, with the commands of the documentation as they are
// printed, and gets the answers that are printed there.
func TestRecipe_payments_asPrinted(t *testing.T) {
	terminal := openShell(t)
	all := blocks(t, "docs/payments.md", "Sell something")
	commands, answers := 0, 0
	for i, printed := range all {
		switch printed.language {
		case "sh":
			commands++
			output := terminal.run(printed.text)
			if i+1 < len(all) && all[i+1].language == "json" {
				answers++
				if got, want := values(t, output), values(t, all[i+1].text); !reflect.DeepEqual(got, want) {
					t.Errorf("after\n%sthere is\n%s\nand not, as printed,\n%s", printed.text, output, all[i+1].text)
				}
			}
			if path, ok := strings.CutPrefix(output, system.BaseURL+"/purchase/"); ok {
				b := openBrowser(t)
				b.do(desktop, chromedp.Navigate(proxyURL+"/purchase/"+path))
				b.want("#product", "Painter")
				b.want("#pay-label", "Complete test purchase")
				b.picture("recipe-desktop")
				b.do(chromedp.Click("#pay"))
				b.want("#notice-title", "Thank you")
				b.wantNoFaults()
			}
		case "json", "js":
		default:
			t.Errorf("nobody runs %s", printed.language)
		}
	}
	if commands != 5 || answers != 3 {
		t.Errorf("%d blocks of commands and %d answers were found, want 5 and 3", commands, answers)
	}
}
