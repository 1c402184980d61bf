-- name: worker_seen
select max(last_heartbeat) > clock_timestamp() - %(seconds)s * interval '1 second' from procrastinate_workers
