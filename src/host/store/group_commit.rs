//! One thread owns the connection; whatever waits when it is free goes into one transaction, and so into one fdatasync.
//!
//! Invariants:
//! - No answer leaves before the commit that covers it.
//! - Each operation has its own savepoint: one that fails takes nothing of the others with it.
//! - When the commit fails, every operation of the batch is told so, and nothing of it is there.

use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Pending, StoreError};
use crate::store::sqlite::Observer;

/// Gives the answer, once it is known whether the batch is durable.
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;
/// Does one operation inside the batch's transaction, or hears why there is none.
type Job = Box<dyn FnOnce(Result<&Connection, StoreError>) -> Answer + Send>;

/// Handle to the thread. Dropping it lets the thread finish what is queued, and waits for that.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// Nothing is ever sent: it closes when the thread ends, by a panic too.
    alive: watch::Receiver<()>,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        connection: Connection,
        queue_max: usize,
        batch_max: usize,
        observer: Arc<dyn Observer>,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = mpsc::channel(queue_max);
        let (life, alive) = watch::channel(());
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || {
            let _until_the_end = life;
            work(connection, jobs, batch_max, observer.as_ref());
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), alive })
    }

    /// Resolves when the thread has ended.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut alive = self.alive.clone();
        async move { while alive.changed().await.is_ok() {} }
    }

    /// Queues an operation.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Pending<T> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = connection.and_then(|connection| in_savepoint(connection, operation));
            Box::new(move |durable| {
                // A receiver that is gone has stopped waiting; the operation is done all the same.
                let _gone = sender.send(durable.and(result));
            })
        });
        let queued = match &self.queue {
            Some(queue) => queue.try_send(job).map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => StoreError::Busy,
                mpsc::error::TrySendError::Closed(_) => StoreError::Stopped,
            }),
            None => Err(StoreError::Stopped),
        };
        Box::pin(async move {
            queued?;
            receiver.await.unwrap_or(Err(StoreError::Stopped))
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn work(connection: Connection, mut jobs: mpsc::Receiver<Job>, batch_max: usize, observer: &dyn Observer) {
    while let Some(first) = jobs.blocking_recv() {
        let mut answers = Vec::new();
        let changes = connection.total_changes();
        let durable = batch(&connection, first, &mut jobs, batch_max, &mut answers);
        match &durable {
            Ok(()) => observer.committed(answers.len(), connection.total_changes() != changes),
            Err(error) => {
                observer.commit_failed();
                tracing::error!(operations = answers.len(), error = %crate::chain::Chain(error), "commit failed");
            }
        }
        for answer in answers {
            answer(durable.clone());
        }
    }
    if let Err((_connection, error)) = connection.close() {
        tracing::warn!(error = %error, "the database was not closed in order");
    }
}

fn batch(
    connection: &Connection,
    first: Job,
    jobs: &mut mpsc::Receiver<Job>,
    batch_max: usize,
    answers: &mut Vec<Answer>,
) -> Result<(), StoreError> {
    // IMMEDIATE: the write lock is taken before anything is read, so that what is read is still true at the commit.
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        answers.push(first(Err(error.clone())));
        return Err(error);
    }
    answers.push(first(Ok(connection)));
    still_open(connection)?;
    while answers.len() < batch_max
        && let Ok(job) = jobs.try_recv()
    {
        answers.push(job(Ok(connection)));
        still_open(connection)?;
    }
    execute(connection, "COMMIT").inspect_err(|_| {
        // After a failed COMMIT the transaction may still be open.
        let _already_over = execute(connection, "ROLLBACK");
    })
}

/// SQLite rolls a whole transaction back by itself when the disk is full or broken in the middle of it (sqlite.org,
/// "Response To Errors Within A Transaction"). The next savepoint would then begin a transaction of its own, and a later
/// COMMIT could speak for operations that are gone.
fn still_open(connection: &Connection) -> Result<(), StoreError> {
    if connection.is_autocommit() { Err(StoreError::RolledBack) } else { Ok(()) }
}

fn in_savepoint<T>(
    connection: &Connection,
    operation: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    execute(connection, "SAVEPOINT operation")?;
    let result = operation(connection);
    let undone = if result.is_err() { execute(connection, "ROLLBACK TO operation") } else { Ok(()) };
    let ended = undone.and_then(|()| execute(connection, "RELEASE operation"));
    if ended.is_err() && !connection.is_autocommit() {
        // What is half done must not go into the commit with the others: nothing of the batch does.
        let _already_over = execute(connection, "ROLLBACK");
    }
    ended.and(result)
}

fn execute(connection: &Connection, sql: &'static str) -> Result<(), StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(()))
        .map(|_| ())
        .map_err(|source| StoreError::Commit(Arc::new(source)))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    use super::*;

    #[derive(Debug, Default)]
    struct Counter {
        commits: AtomicUsize,
        failures: AtomicUsize,
    }

    impl Observer for Counter {
        fn committed(&self, _operations: usize, wrote: bool) {
            self.commits.fetch_add(usize::from(wrote), Ordering::SeqCst);
        }

        fn commit_failed(&self) {
            self.failures.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn start(queue_max: usize, batch_max: usize) -> (Writer, Arc<Counter>) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (x INTEGER UNIQUE)").unwrap();
        let counter = Arc::new(Counter::default());
        (Writer::start(connection, queue_max, batch_max, counter.clone()).unwrap(), counter)
    }

    fn wait<T>(pending: Pending<T>) -> Result<T, StoreError> {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pending)
    }

    fn insert(x: i64) -> impl FnOnce(&Connection) -> Result<(), StoreError> + Send {
        move |connection| {
            connection
                .execute("INSERT INTO t VALUES (?1)", [x])
                .map(|_| ())
                .map_err(|source| StoreError::Operation { doing: "insert", source: Arc::new(source) })
        }
    }

    fn count(writer: &Writer) -> i64 {
        wait(writer.submit(|connection| {
            Ok(connection.query_row("SELECT count(*) FROM t", (), |r| r.get(0)).unwrap())
        }))
        .unwrap()
    }

    #[test]
    fn what_waits_goes_into_one_commit() {
        let (writer, counter) = start(300, 256);
        let (release, held) = channel::<()>();
        let first = writer.submit(move |_| {
            held.recv().unwrap();
            Ok(())
        });
        let waiting: Vec<_> = (0..200).map(|x| writer.submit(insert(x))).collect();
        release.send(()).unwrap();
        wait(first).unwrap();
        for pending in waiting {
            wait(pending).unwrap();
        }
        assert_eq!(counter.commits.load(Ordering::SeqCst), 1, "200 operations, one commit");
        assert_eq!(count(&writer), 200);
    }

    #[test]
    fn a_failed_operation_takes_nothing_with_it() {
        let (writer, _) = start(10, 10);
        let (release, held) = channel::<()>();
        let first = writer.submit(move |_| {
            held.recv().unwrap();
            Ok(())
        });
        let good = writer.submit(insert(1));
        let bad = writer.submit(|connection| {
            insert(2)(connection)?;
            insert(1)(connection)
        });
        let last = writer.submit(insert(3));
        release.send(()).unwrap();
        wait(first).unwrap();
        wait(good).unwrap();
        assert!(matches!(wait(bad), Err(StoreError::Operation { .. })));
        wait(last).unwrap();
        assert_eq!(count(&writer), 2);
    }

    #[test]
    fn nobody_is_told_of_what_was_not_committed() {
        let (writer, counter) = start(10, 10);
        let broken = writer.submit(|connection| {
            insert(1)(connection)?;
            // A deferred foreign key that is not kept lets the COMMIT itself fail.
            connection
                .execute_batch(
                    "PRAGMA defer_foreign_keys = ON; CREATE TABLE p (x INTEGER PRIMARY KEY);
                     CREATE TABLE c (x INTEGER REFERENCES p (x) DEFERRABLE INITIALLY DEFERRED);
                     INSERT INTO c VALUES (7)",
                )
                .unwrap();
            Ok(())
        });
        assert!(matches!(wait(broken), Err(StoreError::Commit(_))));
        assert_eq!(counter.failures.load(Ordering::SeqCst), 1);
        assert_eq!(count(&writer), 0);
        wait(writer.submit(insert(1))).unwrap();
        assert_eq!(count(&writer), 1, "the next batch works");
    }

    #[test]
    fn a_disk_that_fills_in_the_middle_of_a_batch_loses_all_of_it_and_tells_all() {
        let (writer, counter) = start(10, 10);
        wait(writer.submit(|connection| {
            connection.execute_batch("CREATE TABLE big (x BLOB)").unwrap();
            Ok(())
        }))
        .unwrap();
        wait(writer.submit(|_| Ok(()))).unwrap();
        let (release, held) = channel::<()>();
        let first = writer.submit(move |connection| {
            held.recv().unwrap();
            insert(1)(connection)
        });
        let too_much = writer.submit(|connection| {
            let full = |source| StoreError::Operation { doing: "fill", source: Arc::new(source) };
            connection.pragma_update(None, "max_page_count", 8).map_err(full)?;
            let filled = connection.execute("INSERT INTO big VALUES (zeroblob(1000000))", ());
            connection.pragma_update(None, "max_page_count", 1_000_000).map_err(full)?;
            filled.map(|_| ()).map_err(full)
        });
        let last = writer.submit(insert(3));
        release.send(()).unwrap();
        assert!(matches!(wait(first), Err(StoreError::RolledBack)));
        assert!(wait(too_much).is_err());
        // It is in the next batch.
        wait(last).unwrap();
        assert_eq!(counter.failures.load(Ordering::SeqCst), 1);
        assert_eq!(count(&writer), 1, "what was told is what is there");
    }

    #[test]
    fn the_end_of_the_thread_is_told() {
        let (writer, _) = start(10, 10);
        let broken = writer.submit(|_| -> Result<(), StoreError> { panic!("a bug") });
        assert!(matches!(wait(broken), Err(StoreError::Stopped)));
        let ended = writer.ended();
        wait(Box::pin(async move {
            ended.await;
            Ok(())
        }))
        .unwrap();
        assert!(matches!(wait(writer.submit(insert(1))), Err(StoreError::Stopped)));
    }

    #[test]
    fn a_full_queue_says_busy_and_a_dropped_writer_finishes_its_work() {
        let (writer, counter) = start(2, 2);
        let (started, running) = channel::<()>();
        let (release, held) = channel::<()>();
        let first = writer.submit(move |_| {
            started.send(()).unwrap();
            held.recv().unwrap();
            Ok(())
        });
        running.recv().unwrap();
        let queued = [writer.submit(insert(1)), writer.submit(insert(2))];
        assert!(matches!(wait(writer.submit(insert(3))), Err(StoreError::Busy)));
        release.send(()).unwrap();
        drop(writer);
        wait(first).unwrap();
        for pending in queued {
            wait(pending).unwrap();
        }
        assert_eq!(counter.commits.load(Ordering::SeqCst), 2, "one with the first, one for the rest");
    }
}
