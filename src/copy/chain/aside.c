/*
 * aside.c
 *		A second thread for work that the first one shares with it.
 */
#include <pthread.h>

#include "copy/chain/aside.h"
#include "copy/base/budget.h"
#include "copy/base/report.h"

#define THREAD_STACK_BYTES ((size_t) 128 * 1024)

struct aside
{
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	void (*work)(void *argument); /* NULL = none, or done */
	void *argument;
	bool ending;
};

static void *
aside_main(void *argument)
{
	struct aside *aside = argument;

	pthread_mutex_lock(&aside->mutex);
	for (;;)
	{
		while (aside->work == NULL && !aside->ending)
			pthread_cond_wait(&aside->changed, &aside->mutex);
		if (aside->work == NULL)
			break;
		pthread_mutex_unlock(&aside->mutex);
		aside->work(aside->argument);
		pthread_mutex_lock(&aside->mutex);
		aside->work = NULL;
		pthread_cond_broadcast(&aside->changed);
	}
	pthread_mutex_unlock(&aside->mutex);
	return NULL;
}

struct aside *
aside_start(void)
{
	struct aside *aside = budget_allocate(sizeof(*aside));
	pthread_attr_t attributes;
	int error_number;

	if (aside == NULL)
		return NULL;
	pthread_mutex_init(&aside->mutex, NULL);
	pthread_cond_init(&aside->changed, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	error_number = pthread_create(&aside->thread, &attributes, aside_main, aside);
	pthread_attr_destroy(&attributes);
	if (error_number != 0)
	{
		budget_free(aside, sizeof(*aside));
		report_error(COPIER_IO, error_number, NO_LAYER, NULL, NO_OFFSET,
					 "could not start a thread");
		return NULL;
	}
	return aside;
}

void
aside_run(struct aside *aside, void (*work)(void *argument), void *argument)
{
	pthread_mutex_lock(&aside->mutex);
	aside->argument = argument;
	aside->work = work;
	pthread_cond_broadcast(&aside->changed);
	pthread_mutex_unlock(&aside->mutex);
}

void
aside_wait(struct aside *aside)
{
	pthread_mutex_lock(&aside->mutex);
	while (aside->work != NULL)
		pthread_cond_wait(&aside->changed, &aside->mutex);
	pthread_mutex_unlock(&aside->mutex);
}

void
aside_stop(struct aside *aside)
{
	if (aside == NULL)
		return;
	pthread_mutex_lock(&aside->mutex);
	aside->ending = true;
	pthread_cond_broadcast(&aside->changed);
	pthread_mutex_unlock(&aside->mutex);
	pthread_join(aside->thread, NULL);
	pthread_mutex_destroy(&aside->mutex);
	pthread_cond_destroy(&aside->changed);
	budget_free(aside, sizeof(*aside));
}
