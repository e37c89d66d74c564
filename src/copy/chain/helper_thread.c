/*
 * helper_thread.c
 *		A second thread for work that the first one shares with it.
 */
#include <pthread.h>

#include "copy/chain/helper_thread.h"
#include "copy/base/budget.h"
#include "copy/base/report.h"

#define THREAD_STACK_BYTES ((size_t) 128 * 1024)

struct helper_thread
{
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	void (*work)(void *argument); /* NULL = none, or done */
	void *argument;
	bool ending;
};

static void *
helper_thread_main(void *argument)
{
	struct helper_thread *helper = argument;

	pthread_mutex_lock(&helper->mutex);
	for (;;)
	{
		while (helper->work == NULL && !helper->ending)
			pthread_cond_wait(&helper->changed, &helper->mutex);
		if (helper->work == NULL)
			break;
		pthread_mutex_unlock(&helper->mutex);
		helper->work(helper->argument);
		pthread_mutex_lock(&helper->mutex);
		helper->work = NULL;
		pthread_cond_broadcast(&helper->changed);
	}
	pthread_mutex_unlock(&helper->mutex);
	return NULL;
}

struct helper_thread *
helper_thread_start(void)
{
	struct helper_thread *helper = budget_allocate(sizeof(*helper));
	pthread_attr_t attributes;
	int error_number;

	if (helper == NULL)
		return NULL;
	pthread_mutex_init(&helper->mutex, NULL);
	pthread_cond_init(&helper->changed, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
	error_number = pthread_create(&helper->thread, &attributes, helper_thread_main, helper);
	pthread_attr_destroy(&attributes);
	if (error_number != 0)
	{
		budget_free(helper, sizeof(*helper));
		report_error(COPIER_IO, error_number, NO_LAYER, NULL, NO_OFFSET,
					 "could not start a thread");
		return NULL;
	}
	return helper;
}

void
helper_thread_run(struct helper_thread *helper, void (*work)(void *argument), void *argument)
{
	pthread_mutex_lock(&helper->mutex);
	helper->argument = argument;
	helper->work = work;
	pthread_cond_broadcast(&helper->changed);
	pthread_mutex_unlock(&helper->mutex);
}

void
helper_thread_wait(struct helper_thread *helper)
{
	pthread_mutex_lock(&helper->mutex);
	while (helper->work != NULL)
		pthread_cond_wait(&helper->changed, &helper->mutex);
	pthread_mutex_unlock(&helper->mutex);
}

void
helper_thread_stop(struct helper_thread *helper)
{
	if (helper == NULL)
		return;
	pthread_mutex_lock(&helper->mutex);
	helper->ending = true;
	pthread_cond_broadcast(&helper->changed);
	pthread_mutex_unlock(&helper->mutex);
	pthread_join(helper->thread, NULL);
	pthread_mutex_destroy(&helper->mutex);
	pthread_cond_destroy(&helper->changed);
	budget_free(helper, sizeof(*helper));
}
