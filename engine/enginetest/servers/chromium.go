package servers

import (
	"context"
	"io"
	"testing"

	"github.com/chromedp/chromedp"
)

// Chromium starts a browser without a window and gives the context that chromedp works in. It ends with the test. A context that is made of it for one
// step may have a deadline: what hangs is then named by its step, and many steps on a slow machine are no hang.
func Chromium(t testing.TB) context.Context {
	t.Helper()
	programs, err := findPrograms("chromium", nil, "chromium")
	if err != nil {
		lacking(t, err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(programs["chromium"]), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(startTimeout), chromedp.Flag("disable-background-networking", true),
		chromedp.CombinedOutput(io.Discard))
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, end = chromedp.NewContext(ctx)
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the browser has let go of its folder
		end()
	})
	if err := chromedp.Do(ctx); err != nil { // the browser belongs to the context that it is first used with
		t.Fatal(err)
	}
	return ctx
}
