/* ending.c: how the gateway ends. */
#include <event2/event.h>

#include "ending.h"
#include "gateway_parts.h"
#include "notify.h"

/* Jobs get five seconds to end (run.c).  What is left after six and a half
 * is killed by its reaper, and after eight by us, reapers included. */
#define STOP_MS 6500
#define KILL_MS 1500

/* Calls that are given up fail as soon as the link of their worker closes, and
 * then clients get this long to hear of it. */
#define GIVE_UP_MS 1000

static void
close_sockets(struct gateway *gw)
{
	for (size_t i = 0; i < gw->listeners.count; i++)
		front_send_unlisten(gw->front, gw->listeners.at[i].number);
	listen_close(&gw->listeners);
}

/* Time is over: first everything by its reaper, then the reapers too. */
static void
ending_kill(struct gateway *gw)
{
	if (gw->phase == GATEWAY_KILLS) {
		loop_stop(gw->loop); /* processes_free() kills the rest */
		return;
	}
	gw->phase = GATEWAY_KILLS;
	front_kill(gw->front);
	roster_kill(gw->roster);
	loop_arm(gw->end_timer, KILL_MS);
}

void
ending_stop(struct gateway *gw)
{
	if (gw->phase >= GATEWAY_STOPS)
		return;
	gw->phase = GATEWAY_STOPS;
	logfile_hush(gw->logfile, false);
	(void)event_del(gw->summary_timer);
	reload_abandon(gw->reload);
	listen_close(&gw->listeners);
	front_stop(gw->front);
	roster_stop(gw->roster);
	if (processes_count(gw->processes) == 0)
		loop_stop(gw->loop);
	else
		loop_arm(gw->end_timer, STOP_MS);
}

void
ending_begin(struct gateway *gw)
{
	uint64_t drain_ms = gw->config->drain_timeout_ms;

	if (gw->phase != GATEWAY_RUNS) {
		log_info("gateway: a second signal: stopping at once");
		ending_stop(gw);
		if (gw->phase != GATEWAY_KILLS)
			ending_kill(gw);
		return;
	}
	gw->phase = GATEWAY_DRAINS;
	logfile_hush(gw->logfile, false);
	(void)event_del(gw->summary_timer);
	reload_abandon(gw->reload);
	notify_stopping(drain_ms + GIVE_UP_MS + STOP_MS + KILL_MS);
	close_sockets(gw);
	if (drain_ms == 0 || !front_drain(gw->front))
		ending_stop(gw);
	else
		loop_arm(gw->end_timer, drain_ms);
}

void
ending_drained(struct gateway *gw)
{
	if (gw->phase == GATEWAY_DRAINS)
		ending_stop(gw);
}

void
ending_on_timer(struct gateway *gw)
{
	if (gw->phase == GATEWAY_DRAINS && !gw->gave_up) {
		log_warning("gateway: \"drain_timeout\" is over: calls in "
			    "flight are given up");
		gw->gave_up = true;
		roster_stop(gw->roster);
		loop_arm(gw->end_timer, GIVE_UP_MS);
		return;
	}
	if (gw->phase == GATEWAY_DRAINS) {
		ending_stop(gw);
		return;
	}
	log_warning("gateway: not everything ended in time");
	ending_kill(gw);
}

void
ending_on_idle(struct gateway *gw)
{
	if (gw->phase >= GATEWAY_STOPS)
		loop_stop(gw->loop);
}
