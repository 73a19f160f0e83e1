package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain"
	"vestibule.dev/services/identity/internal/postgres/db"
)

// Users implements app.UserDirectory.
//
// The statement is planned for its values each time: whether to look a text up
// or to walk the list depends on how common it is.
func (s *Store) Users(ctx context.Context, tenant ids.Tenant, filter app.UserFilter) (users []domain.User, next string, err error) {
	sql, args := listUsers(tenant, filter)
	rows, err := s.db.Querier(ctx).Query(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	for bytes := 0; rows.Next(); {
		row, err := pgx.RowToStructByPos[db.UserDetail](rows)
		if err != nil {
			return nil, "", err
		}
		bytes += sizeOf(row)
		if len(users) == filter.Limit || len(users) > 0 && bytes > filter.MaxBytes {
			next = row.ID
			break
		}
		user, err := toUser(row)
		if err != nil {
			return nil, "", err
		}
		users = append(users, *user)
	}
	// The rows after the last user of the page are dropped as they come.
	rows.Close()
	return users, next, rows.Err()
}

// sizeOf is about what a user takes in memory, in bytes: what may be long.
func sizeOf(row db.UserDetail) int {
	size := len(row.ClientMetadata) + len(row.ClientReadOnlyMetadata) + len(row.ServerMetadata) + len(row.OauthAccounts)
	for _, text := range []*string{row.ProfileImageUrl, row.RestrictedByAdminReason, row.RestrictedByAdminPrivateDetails} {
		if text != nil {
			size += len(*text)
		}
	}
	return size
}

// listUsers writes the statement for a page and the user after it. The page is
// cut before anything else of the users is read.
func listUsers(tenant ids.Tenant, filter app.UserFilter) (sql string, args []any) {
	arg := func(value any) string {
		args = append(args, value)
		return fmt.Sprintf("$%d", len(args))
	}
	// The table that is walked in its order, with its columns for the order and
	// for the user.
	table, position, key := "users", "o.signed_up_at", "o.id"
	if filter.Order == app.ByLastActiveAt {
		table, position, key = "user_activity", "o.last_active_at", "o.user_id"
	}
	comparison, direction := ">=", ""
	if filter.Desc {
		comparison, direction = "<=", " DESC"
	}

	project, branch := arg(tenant.ProjectID), arg(tenant.BranchID)
	from := []string{table + " o"}
	where := []string{"o.project_id = " + project, "o.branch_id = " + branch}
	join := func(joined, alias, column string) {
		from = append(from, fmt.Sprintf("JOIN %[1]s %[2]s ON %[2]s.project_id = %[3]s AND %[2]s.branch_id = %[4]s AND %[2]s.%[5]s = %[6]s",
			joined, alias, project, branch, column, key))
	}
	user := "o"
	if filter.Order == app.ByLastActiveAt && (filter.Anonymous != app.WithAnonymous || filter.WithoutRestricted) {
		user = "u"
		join("users", user, "id")
	}
	switch filter.Anonymous {
	case app.WithoutAnonymous:
		where = append(where, "NOT "+user+".is_anonymous")
	case app.OnlyAnonymous:
		where = append(where, user+".is_anonymous")
	}
	if filter.WithoutRestricted {
		where = append(where, "NOT "+user+".restricted_by_admin")
	}
	if filter.WithoutUnverified {
		where = append(where, fmt.Sprintf(`EXISTS (
    SELECT FROM contact_channels c
    WHERE c.project_id = %s AND c.branch_id = %s AND c.user_id = %s AND c.type = 'email' AND c.is_primary AND c.is_verified
)`, project, branch, key))
	}
	if filter.UserIDs != nil {
		where = append(where, fmt.Sprintf("%s = ANY(%s::uuid[])", key, arg(filter.UserIDs)))
	}
	if filter.Search != "" {
		join("user_search_texts", "s", "user_id")
		condition := fmt.Sprintf("s.content LIKE lower(%s)", arg("%"+likeLiteral.Replace(filter.Search)+"%"))
		if filter.SearchID != "" {
			condition = fmt.Sprintf("(%s OR s.user_id = %s::uuid)", condition, arg(filter.SearchID))
		}
		where = append(where, condition)
	}
	if filter.Cursor != "" {
		where = append(where, fmt.Sprintf("(%[1]s, %[2]s) %[3]s (SELECT %[1]s, %[2]s FROM %[4]s o WHERE o.project_id = %[5]s AND o.branch_id = %[6]s AND %[2]s = %[7]s::uuid)",
			position, key, comparison, table, project, branch, arg(filter.Cursor)))
	}
	return fmt.Sprintf(`-- name: ListUsers
SELECT d.*
FROM (
    SELECT o.project_id, o.branch_id, %[1]s AS id, %[2]s AS position
    FROM %[3]s
    WHERE %[4]s
    ORDER BY %[2]s%[5]s, %[1]s%[5]s
    LIMIT %[6]s
) page
JOIN user_details d ON d.project_id = page.project_id AND d.branch_id = page.branch_id AND d.id = page.id
ORDER BY page.position%[5]s, page.id%[5]s`,
		key, position, strings.Join(from, "\n    "), strings.Join(where, "\n      AND "), direction, arg(filter.Limit+1)), args
}

// likeLiteral takes the meaning from what LIKE would read as a pattern.
var likeLiteral = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
