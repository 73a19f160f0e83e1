package app

// App runs the use cases.
type App struct {
	store Store
}

// New returns an App over its ports.
func New(store Store) *App {
	return &App{store: store}
}
