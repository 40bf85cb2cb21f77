package plugin

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"
)

// host starts the processes of one program's plug-in.
type host struct {
	program    string
	command    []string // the first one is an absolute path
	dir        string
	env        []string
	log        *slog.Logger
	now        func() time.Time
	pipe       func(Pipe) Pipe
	complaints complaints
}

// process is a running executable and what it started, as far as that stayed in its group.
type process struct {
	cmd    *exec.Cmd
	host   *host
	in     io.Closer
	exited chan struct{}
	state  string // once it has exited

	mu     sync.Mutex
	killed bool
	over   bool // it may no longer be signalled: its number may be somebody else's
}

// spawn starts the executable and listens to it.
func (h *host) spawn(secrets map[string]string, timeout time.Duration) (*session, error) {
	if err := h.trust(); err != nil {
		return nil, err
	}
	seen := h.look()
	files, err := newFiles()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(h.command[0], h.command[1:]...) // #nosec G204 -- the configuration names it, and it was looked at
	cmd.Dir, cmd.Env, cmd.SysProcAttr = h.dir, h.env, apart()
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would be all of ours
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files.theirs[0], files.theirs[1], files.theirs[2]
	line := Pipe{In: files.in, Out: files.out}
	if h.pipe != nil {
		line = h.pipe(line)
	}
	p := &process{cmd: cmd, host: h, in: line.In, exited: make(chan struct{})}
	if err := p.start(files); err != nil {
		return nil, fmt.Errorf("the plug-in of %s can't be started: %w", h.program, err)
	}
	clean := cleaner(secrets)
	go h.overhear(files.err, clean)
	s := &session{program: h.program, proc: p, in: line.In, secrets: secrets, clean: clean, timeout: timeout, files: seen,
		free: make(chan struct{}, 1), calls: map[int64]*call{}, over: make(chan struct{})}
	go func() {
		s.listen(line.Out)
		_ = line.Out.Close()
	}()
	return s, nil
}

// files are the three pipes of a process.
type files struct {
	theirs  [3]*os.File
	in      *os.File
	out     *os.File
	err     *os.File
	opened  []*os.File
	problem error
}

func newFiles() (*files, error) {
	f := &files{}
	f.theirs[0], f.in = f.pair()
	f.out, f.theirs[1] = f.pair()
	f.err, f.theirs[2] = f.pair()
	if f.problem != nil {
		f.close(f.opened...)
	}
	return f, f.problem
}

func (f *files) pair() (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		f.problem = err
		return nil, nil
	}
	f.opened = append(f.opened, r, w)
	return r, w
}

func (*files) close(all ...*os.File) {
	for _, one := range all {
		_ = one.Close()
	}
}

// start starts the process and leaves a goroutine that waits for its end.
func (p *process) start(f *files) error {
	started := make(chan error, 1)
	go func() {
		release := hold() // before the start: the process ends with the thread that started it
		defer release()
		err := p.cmd.Start()
		f.close(f.theirs[:]...)
		started <- err
		if err != nil {
			f.close(f.in, f.out, f.err)
			return
		}
		p.reap()
		// Whoever still holds the other ends is not waited for.
		time.AfterFunc(2*farewell, func() { f.close(f.in, f.out, f.err) })
	}()
	return <-started
}

// reap waits for the end, ends what the process left behind, and frees its number.
func (p *process) reap() {
	waitFor(p.cmd.Process)
	p.mu.Lock()
	left := stragglers(p.cmd.Process.Pid)
	killGroup(p.cmd.Process.Pid)
	if left > 0 && !p.killed {
		p.host.complaints.add(fmt.Sprintf("the plug-in of %s left %d processes behind when it ended; it must wait for what it starts", p.host.program, left))
	}
	p.over = true
	p.mu.Unlock()
	_ = p.cmd.Wait() // its state says it all
	p.state = "ended"
	if p.cmd.ProcessState != nil {
		p.state = p.cmd.ProcessState.String()
	}
	close(p.exited)
}

// kill ends the process and its group at once.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.killed = true
		killGroup(p.cmd.Process.Pid)
	}
}

// farewell lets the process end by itself: there is nothing more on its standard input.
func (p *process) farewell() {
	_ = p.in.Close()
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.host.complaints.add(fmt.Sprintf("the plug-in of %s does not end within %s when its standard input does", p.host.program, farewell))
	}
}

// wait waits for the end of a process that was killed; one that the kernel does not let go is left to it.
func (p *process) wait() {
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
	}
}
