-- name: admit
select k.application_id as caller, c.*
from api_key k
left join connection c on c.application_id = k.application_id and c.token_digest = %(token)s
where k.digest = %(key)s and k.kind = 'secret'
