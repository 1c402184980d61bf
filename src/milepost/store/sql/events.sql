-- name: lock_connection
-- Most writers hold this lock already: it is the stamp's.
select from connection where id = %(id)s for no key update

-- name: lock_application
select from application where id = %(id)s for no key update
