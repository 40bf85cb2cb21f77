package file

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine/httpconn"
)

// forge opens pull requests by what Gitea, Forgejo and GitHub have in common.
type forge struct {
	client       *httpconn.Client
	project      string
	head, base   string // branches
	title, words string
}

var forgeProject = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)

// openForge is nil where people open the requests.
func openForge(c *GitConfig, o GitOptions) (*forge, error) {
	r := c.Request
	if r.API == "" {
		return nil, nil
	}
	if !forgeProject.MatchString(r.Project) || strings.Contains(r.Project, "..") {
		return nil, fmt.Errorf("project %q is none; write one like it/access", r.Project)
	}
	token := cmp.Or(r.Token, c.Token)
	if token.IsZero() {
		return nil, errors.New("the API needs a token; name it in token")
	}
	client, err := httpconn.New(httpconn.Config{URL: r.API, Auth: httpconn.Auth{Bearer: token}, Accept: "application/json", Format: "JSON", Failure: forgeSays, Wait: o.Wait},
		httpconn.Options{Secret: o.Secret, Now: o.Now, Calls: 1, Transport: o.Transport, Between: o.Between})
	if err != nil {
		return nil, err
	}
	return &forge{client: client, project: r.Project, head: r.Branch, base: c.Branch, title: "Access: " + o.Program,
		words: fmt.Sprintf("Rolecall proposes changes of `%s`; the commit says which. They count once this is merged. Rolecall replaces the branch when it wants others, so don't commit to it.", c.Path)}, nil
}

// forgeSays is what an answer that is no success says.
func forgeSays(a *httpconn.Answer) (detail string, own bool) {
	var says struct {
		Message string `json:"message"`
	}
	err := json.Unmarshal(a.Body, &says)
	return says.Message, err == nil && a.IsJSON()
}

// pull is a pull request as far as it matters here.
type pull struct {
	Number  int    `json:"number"`
	Address string `json:"html_url"`
	State   string `json:"state"`
	Merged  string `json:"merged_at"`
	Closed  string `json:"closed_at"`
	Head    struct {
		Branch string `json:"ref"`
		Commit string `json:"sha"`
		Repo   struct {
			Name string `json:"full_name"`
		} `json:"repo"`
	} `json:"head"`
	Base struct {
		Branch string `json:"ref"`
	} `json:"base"`
}

// declined says that people closed a request instead of merging it.
type declined struct{ address, branch string }

func (e *declined) Error() string {
	return fmt.Sprintf("%s was closed and not merged; open it again if that was a mistake, or delete the branch %s so that it is asked for anew", e.address, e.branch)
}

// request gives the address of the open request of a commit, and opens one if there is none. since: the commit was there already, so
// that people may have closed its request.
func (f *forge) request(ctx context.Context, commit string, since time.Time) (string, error) {
	for page := 1; page <= mostPulls; page++ {
		list, err := f.pulls(ctx, page)
		if err != nil {
			return "", err
		}
		for _, p := range list {
			switch {
			case p.Head.Branch != f.head || p.Base.Branch != f.base || !strings.EqualFold(p.Head.Repo.Name, f.project): // a fork may have such a branch, too
			case p.State == "open":
				return f.called(p), nil
			case !since.IsZero() && p.Merged == "" && p.Head.Commit == commit && !p.closedBefore(since):
				return "", &declined{f.called(p), f.head}
			}
		}
		if len(list) == 0 {
			break
		}
	}
	return f.open(ctx)
}

// closedBefore says whether a request was closed before a commit was made: Gitea gives the commit that the branch is at now for
// requests that were closed long ago, too.
func (p *pull) closedBefore(made time.Time) bool {
	closed, err := time.Parse(time.RFC3339, p.Closed)
	return err == nil && closed.Before(made)
}

const (
	mostPulls   = 40 // pages
	pullsOfPage = 50
	longestLink = 300 // bytes
)

// pulls are requests, the newest first. GitHub finds those of the branch; Gitea gives all.
func (f *forge) pulls(ctx context.Context, page int) (list []pull, err error) {
	owner, _, _ := strings.Cut(f.project, "/")
	q := url.Values{"state": {"all"}, "base": {f.base}, "head": {owner + ":" + f.head}, "limit": {"50"}, "per_page": {"50"}, "page": {fmt.Sprint(page)}}
	answer, err := f.client.Do(ctx, httpconn.Call{Method: http.MethodGet, Path: f.path() + "?" + q.Encode()})
	if err == nil {
		err = answer.Decode(&list)
	}
	return list[:min(len(list), pullsOfPage)], err
}

func (f *forge) path() string { return "/repos/" + f.project + "/pulls" }

func (f *forge) open(ctx context.Context) (string, error) {
	body, err := json.Marshal(map[string]string{"head": f.head, "base": f.base, "title": f.title, "body": f.words})
	if err != nil {
		return "", err
	}
	answer, err := f.client.Do(ctx, httpconn.Call{Method: http.MethodPost, Path: f.path(), Body: body, Type: "application/json", Expect: []int{http.StatusCreated}})
	if err != nil {
		return "", err
	}
	var p pull
	err = answer.Decode(&p)
	return f.called(p), err
}

// called is where people find a request. The address is the forge's word, so it may be anything.
func (f *forge) called(p pull) string {
	if u, err := url.Parse(p.Address); err == nil && len(p.Address) <= longestLink && (u.Scheme == "https" || u.Scheme == "http") {
		return f.client.Scrub(u.String())
	}
	return fmt.Sprintf("request %d of %s", p.Number, f.project)
}
