/*
 * worker.h: the process around one backend: the channel to the supervisor, the
 * ends of the job's pipes, and how it all ends.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

/*
 * After the connection to the job is lost, standard error is read for this
 * long: it says why.
 */
#define WORKER_LAST_WORDS_MS 50

/* How long the last frames may take to be written. */
#define WORKER_FLUSH_MS 500

/* Serve the channel on this descriptor; returns an exit code (enum role_exit).
 */
int worker_main(int channel_fd);

#endif
