#include "task/news.h"

#include "kit/clock.h"
#include "support/test.h"

#define ITEMS 4096
#define WRITERS 4

static void open_news(struct task_news *n, struct kit_arena *arena, uint32_t items)
{
    kit_arena_init(arena, KIT_MIB);
    task_news_init(n);
    assert_ok(task_news_open(n, arena, items));
}

static void close_news(struct task_news *n, struct kit_arena *arena)
{
    task_news_done(n);
    kit_arena_done(arena);
}

TEST(news_are_read_in_the_order_of_finishing_from_any_place)
{
    struct task_news n;
    struct kit_arena arena;
    uint32_t items[8] = {0};
    open_news(&n, &arena, 6);
    assert_int_equal(task_news_read(&n, 0, items, 8), 0);
    for (size_t i = 0; i < 5; i++) {
        task_news_add(&n, ((uint32_t[]){4, 5, 0, 1, 2})[i]);
    }
    assert_int_equal(task_news_read(&n, 0, items, 8), 5);
    assert_memory_equal(items, ((uint32_t[]){4, 5, 0, 1, 2}), 5 * sizeof(items[0]));
    assert_int_equal(task_news_read(&n, 1, items, 2), 2);
    assert_memory_equal(items, ((uint32_t[]){5, 0}), 2 * sizeof(items[0]));
    assert_int_equal(task_news_read(&n, 5, items, 8), 0);
    assert_int_equal(task_news_read(&n, 600, items, 8), 0);
    task_news_add(&n, 3);
    assert_int_equal(task_news_read(&n, 5, items, 8), 1);
    assert_int_equal(items[0], 3);
    close_news(&n, &arena);
}

TEST(news_without_memory_have_no_room)
{
    struct task_news n;
    struct kit_arena arena;
    kit_arena_init(&arena, 64);
    task_news_init(&n);
    assert_int_equal(task_news_open(&n, &arena, ITEMS), KIT_NOMEM);
    assert_int_equal(n.max, 0);
    close_news(&n, &arena);
}

struct writer {
    struct kit_thread thread;
    struct task_news *news;
    uint32_t first;
};

static void write_items(void *arg)
{
    struct writer *w = arg;
    for (uint32_t i = 0; i < ITEMS / WRITERS; i++) {
        task_news_add(w->news, w->first + i);
    }
}

TEST(news_of_many_threads_are_read_each_once_while_they_write)
{
    struct task_news n;
    struct kit_arena arena;
    struct writer writers[WRITERS];
    uint8_t seen[ITEMS] = {0};
    uint32_t place = 0;
    open_news(&n, &arena, ITEMS);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.news = &n, .first = i * (ITEMS / WRITERS)};
        assert_ok(kit_thread_start(&writers[i].thread, "writer", write_items, &writers[i], NULL));
    }
    uint64_t until_ns = kit_clock_ns() + 20 * KIT_NS_PER_S;
    while (place < ITEMS && kit_clock_ns() < until_ns) {
        uint32_t items[100];
        uint32_t count = task_news_read(&n, place, items, 100);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(seen[items[i]]++, 0);
        }
        place += count;
    }
    assert_int_equal(place, ITEMS);
    for (uint32_t i = 0; i < WRITERS; i++) {
        kit_thread_join(&writers[i].thread);
    }
    close_news(&n, &arena);
}

int main(void)
{
    return TEST_RUN(TEST_OF(news_are_read_in_the_order_of_finishing_from_any_place),
                    TEST_OF(news_without_memory_have_no_room),
                    TEST_OF(news_of_many_threads_are_read_each_once_while_they_write));
}
