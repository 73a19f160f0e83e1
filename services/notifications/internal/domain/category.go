package domain

// Category is a kind of notification.
type Category struct {
	ID   string // UUID
	Name string
	// CanDisable says whether users may opt out.
	CanDisable bool
}

// Categories in the order in which they are listed (notifications.md §1). All
// are enabled for users who never chose.
var Categories = []Category{
	{ID: "7bb82d33-2f54-4a3d-9d23-82739e0d66ef", Name: "Transactional"},
	{ID: "4f6f8873-3d04-46bd-8bef-18338b1a1b4c", Name: "Marketing", CanDisable: true},
}

// CategoryByName finds a category; names are case-sensitive.
func CategoryByName(name string) (Category, bool) {
	for _, c := range Categories {
		if c.Name == name {
			return c, true
		}
	}
	return Category{}, false
}

// CategoryByID finds a category.
func CategoryByID(id string) (Category, bool) {
	for _, c := range Categories {
		if c.ID == id {
			return c, true
		}
	}
	return Category{}, false
}
