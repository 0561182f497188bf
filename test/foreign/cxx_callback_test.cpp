/* SPDX-License-Identifier: MIT */
/*
 * Lambdas as callbacks: how long each lives, what it costs, what becomes of it when there is no
 * callback. The operators new and delete of this program count.
 */
#include "cxx.hpp"

#include <array>
#include <cstdlib>
#include <memory>

/* ThreadSanitizer brings these operators itself. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NOT_COUNTING
#endif
#endif

namespace
{

std::atomic<int64_t> blocks_live{0};
std::atomic<int64_t> blocks_made{0};
std::atomic<bool> no_memory{false};

#ifndef NOT_COUNTING
void *take(std::size_t size) noexcept
{
    void *block = no_memory ? nullptr : std::malloc(size == 0 ? 1 : size);

    if (block != nullptr) {
        blocks_live++;
        blocks_made++;
    }
    return block;
}

void give(void *block) noexcept
{
    if (block != nullptr) blocks_live--;
    std::free(block);
}
#endif

} // namespace

#ifndef NOT_COUNTING
void *operator new(std::size_t size)
{
    void *block = take(size);

    if (block == nullptr) std::abort();
    return block;
}
void *operator new(std::size_t size, const std::nothrow_t &) noexcept
{
    return take(size);
}
void operator delete(void *block) noexcept
{
    give(block);
}
void operator delete(void *block, std::size_t) noexcept
{
    give(block);
}
void operator delete(void *block, const std::nothrow_t &) noexcept
{
    give(block);
}
#endif

namespace
{

/* What happened to a witness, wherever it was moved. */
struct tally {
    std::atomic<int> alive{0};
    std::atomic<int> called{0};
    std::atomic<int> called_dead{0};  /* called, or returned from, when it was destroyed */
    std::atomic<int> alive_inside{0}; /* how many there were at the end of the call */
    std::atomic<apm_error> error{0};
    apm::socket_ref socket;
    gate done;
};

/* A functor that knows whether it lives. */
class witness
{
  public:
    explicit witness(tally &all) noexcept : all_(&all), sign_(living)
    {
        all_->alive++;
    }
    /* What it was moved from counts no more. */
    witness(witness &&other) noexcept : all_(std::exchange(other.all_, nullptr)), sign_(living)
    {
    }
    witness(const witness &) = delete;
    witness &operator=(const witness &) = delete;
    ~witness()
    {
        sign_ = dead;
        if (all_ != nullptr) all_->alive--;
    }
    void operator()(apm::async_result_ref result)
    {
        tally *all = all_;

        if (sign_ != living) all->called_dead++;
        all->error = all->socket.end_receive(result).code();
        all->called++;
        all->alive_inside = all->alive.load();
        if (sign_ != living) all->called_dead++;
        all->done.open();
    }

  private:
    static constexpr uint64_t living = UINT64_C(0x11F311F311F311F3);
    static constexpr uint64_t dead = UINT64_C(0xDEADDEADDEADDEAD);
    tally *all_;
    volatile uint64_t sign_;
};

/* Called once while it lived, and gone then. */
void check_called(tally &all, apm_error error)
{
    CHECK(all.done.wait());
    CHECK(comes_true([&] { return all.alive == 0; }));
    CHECK(all.called == 1);
    CHECK(all.called_dead == 0);
    CHECK(all.alive_inside == 1);
    CHECK_ERROR(all.error, error);
}

void lives_until_it_has_returned()
{
    const int64_t before = blocks_live;
    {
        connection both;
        tally all;
        char here = 0;

        if (!both.open()) return;
        all.socket = both.socket;
        CHECK_IS(both.socket.begin_receive(&here, 1, 0, witness(all)), APM_ERROR_SUCCESS);
        CHECK(all.alive == 1);
        CHECK(all.called == 0);
        CHECK(peer_write(both.other, "x", 1));
        check_called(all, APM_ERROR_SUCCESS);
        CHECK(here == 'x');
    }
    CHECK(comes_true([&] { return blocks_live == before; }));
}

/* What is there already is received, and called back, inside Begin. */
void lives_inside_begin()
{
    connection both;
    tally all;
    std::array<char, 4> here{};
    bool ready = false;

    if (!both.open()) return;
    all.socket = both.socket;
    CHECK(peer_write(both.other, "abcd", 4));
    CHECK_IS(both.socket.poll(-1, APM_POLL_READ, ready), APM_ERROR_SUCCESS);
    CHECK(ready);
    CHECK_IS(both.socket.begin_receive(here.data(), here.size(), 0, witness(all)), APM_ERROR_SUCCESS);
    check_called(all, APM_ERROR_SUCCESS);
}

void cancel_and_close_call_it()
{
    for (int way = 0; way < 4; way++) {
        connection both;
        tally all;
        apm::async_result result;
        char here = 0;

        if (!both.open()) return;
        all.socket = both.socket;
        CHECK_IS(both.socket.begin_receive(&here, 1, 0, witness(all), &result), APM_ERROR_SUCCESS);
        CHECK(all.alive == 1);
        if (way == 0) CHECK_IS(result.cancel(), APM_ERROR_SUCCESS);
        if (way == 1) CHECK_IS(result.cancel_after(1), APM_ERROR_SUCCESS);
        if (way == 2) CHECK_IS(both.socket.close(), APM_ERROR_SUCCESS);
        if (way == 3) CHECK_IS(both.socket.close_timeout(0), APM_ERROR_SUCCESS);
        check_called(all, way == 0   ? APM_ERROR_OPERATION_ABORTED
                          : way == 1 ? APM_ERROR_TIMED_OUT
                                     : APM_ERROR_OBJECT_DISPOSED);
    }
}

void is_destroyed_when_begin_fails()
{
    const int64_t before = blocks_live;
    {
        apm::socket socket;
        tally all;
        apm::async_result result;
        char here = 0;

        CHECK_IS(socket.create(APM_FAMILY_IPV4, APM_SOCKET_STREAM, APM_PROTOCOL_TCP), APM_ERROR_SUCCESS);
        CHECK_IS(socket.close(), APM_ERROR_SUCCESS);
        CHECK_IS(socket.begin_receive(&here, 1, 0, witness(all), &result), APM_ERROR_OBJECT_DISPOSED);
        CHECK(all.alive == 0);
        CHECK(all.called == 0);
        CHECK(!result);
    }
    CHECK(blocks_live == before);
}

void no_memory_begins_nothing()
{
    connection both;
    tally all;
    char here = 0;

#ifdef NOT_COUNTING
    harness_skip("the operators new and delete are not ours here");
    return;
#endif
    if (!both.open()) return;
    all.socket = both.socket;
    no_memory = true;
    const apm::error error = both.socket.begin_receive(&here, 1, 0, witness(all));
    no_memory = false;
    CHECK_IS(error, APM_ERROR_OUT_OF_MEMORY);
    CHECK(all.alive == 0);
    CHECK(all.called == 0);
    /* Nothing takes the byte away. */
    CHECK(peer_write(both.other, "y", 1));
    CHECK_IS(both.socket.receive(&here, 1, 0), APM_ERROR_SUCCESS);
    CHECK(here == 'y');
}

/* How many blocks one send took, with that callback. */
template <class Callback> int64_t cost(connection &both, gate &done, Callback &&callback)
{
    const int64_t before = blocks_made;
    char echo = 0;

    CHECK_IS(both.socket.begin_send("z", 1, 0, std::forward<Callback>(callback)), APM_ERROR_SUCCESS);
    CHECK(done.wait());
    CHECK(peer_read_all(both.other, &echo, 1, patience));
    return blocks_made - before;
}

void costs_what_is_promised()
{
    connection both;

#ifdef NOT_COUNTING
    harness_skip("the operators new and delete are not ours here");
    return;
#endif
    if (!both.open()) return;
    {
        gate done;

        CHECK(cost(both, done, [&done](apm::async_result_ref) { done.open(); }) == 0);
    }
    {
        gate done;
        std::array<char, 100> more{};

        CHECK(cost(both, done, [&done, more](apm::async_result_ref) {
                  done.open();
                  (void)more;
              }) == 1);
    }
    {
        gate done;
        int calls = 0;
        std::array<char, 100> more{};
        auto functor = [&done, &calls, more](apm::async_result_ref) {
            calls++;
            done.open();
            (void)more;
        };

        CHECK(cost(both, done, std::ref(functor)) == 0);
        CHECK(calls == 1);
    }
    {
        gate done;
        apm::c_callback callback = {
            [](apm_async_result *result) { static_cast<gate *>(apm_async_result_state(result))->open(); },
            &done};

        CHECK(cost(both, done, callback) == 0);
    }
    {
        apm::async_result result;
        const int64_t before = blocks_made;

        CHECK_IS(both.socket.begin_send("z", 1, 0, nullptr, &result), APM_ERROR_SUCCESS);
        CHECK(result.state() == nullptr);
        CHECK_IS(both.socket.end_send(result), APM_ERROR_SUCCESS);
        CHECK(blocks_made == before);
    }
}

/* Of one pointer, but not to be copied as bytes: it is owned. */
void owns_what_is_small()
{
    connection both;
    gate done;
    std::weak_ptr<int> watch;
    int seen = 0;

    if (!both.open()) return;
    {
        auto number = std::make_unique<int>(42);
        auto shared = std::make_shared<int>(7);

        watch = shared;
        CHECK_IS(both.socket.begin_send("1", 1, 0,
                                        [&seen, &done, number = std::move(number),
                                         shared = std::move(shared)](apm::async_result_ref) {
                                            seen = *number;
                                            done.open();
                                        }),
                 APM_ERROR_SUCCESS);
    }
    CHECK(done.wait());
    CHECK(seen == 42);
    CHECK(comes_true([&] { return watch.expired(); }));
}

/* Nobody takes what a callback returns, and an error is [[nodiscard]]: that this compiles without a
 * warning is a part of the test. */
void may_return_something()
{
    connection both;
    std::array<gate, 3> done;
    std::array<char, 100> more{};
    size_t calls = 0;
    char here = 0;
    auto borrowed = [&](apm::async_result_ref result) {
        const apm::error error = both.socket.end_receive(result);

        CHECK_IS(error, APM_ERROR_SUCCESS);
        done[calls++].open();
        return error;
    };
    auto small = [&borrowed](apm::async_result_ref result) { return borrowed(result); };
    auto owned = [&borrowed, more](apm::async_result_ref result) {
        (void)more;
        return borrowed(result);
    };

    if (!both.open()) return;
    for (size_t kind = 0; kind < done.size(); kind++) {
        CHECK_IS(kind == 0   ? both.socket.begin_receive(&here, 1, 0, small)
                 : kind == 1 ? both.socket.begin_receive(&here, 1, 0, owned)
                             : both.socket.begin_receive(&here, 1, 0, std::ref(borrowed)),
                 APM_ERROR_SUCCESS);
        CHECK(peer_write(both.other, "r", 1));
        CHECK(done[kind].wait());
    }
    CHECK(calls == done.size());
}

/* The result is in its place when the callback runs, also when it replaces another one. */
void stores_the_result_first()
{
    connection both;
    apm::async_result result;

    if (!both.open()) return;
    for (int round = 0; round < 20; round++) {
        gate done;
        bool same = false;
        char echo = 0;

        CHECK_IS(both.socket.begin_send(
                     "z", 1, 0,
                     [&](apm::async_result_ref got) {
                         same = got.get() == result.get() && got.is_completed();
                         done.open();
                     },
                     &result),
                 APM_ERROR_SUCCESS);
        CHECK(done.wait());
        CHECK(same);
        CHECK(peer_read_all(both.other, &echo, 1, patience));
    }
}

/* A chain: each callback begins the next receive into the same functor. */
struct chain {
    apm::socket_ref socket;
    gate *done;
    std::array<char, 3> here;
    size_t total;
    int calls;
    apm_error last;

    void operator()(apm::async_result_ref result)
    {
        size_t count = 0;

        last = socket.end_receive(result, &count).code();
        calls++;
        total += count;
        if (last != APM_ERROR_SUCCESS || count == 0 ||
            socket.begin_receive(here.data(), here.size(), 0, std::ref(*this)))
            done->open();
    }
};

void goes_on_from_inside()
{
    const int64_t before = blocks_made;
    connection both;
    gate done;
    chain functor{{}, &done, {}, 0, 0, 0};

    if (!both.open()) return;
    functor.socket = both.socket;
    CHECK_IS(both.socket.begin_receive(functor.here.data(), functor.here.size(), 0, std::ref(functor)),
             APM_ERROR_SUCCESS);
    CHECK(peer_write(both.other, "0123456789", 10));
    peer_end(both.other);
    CHECK(done.wait());
    CHECK(functor.total == 10);
    CHECK(functor.calls >= 5);
    CHECK_ERROR(functor.last, APM_ERROR_SUCCESS);
    CHECK(blocks_made == before);
}

/* The lambda owns the socket: it goes with the lambda. */
void a_callback_may_own_its_socket()
{
    connection both;
    gate done;
    apm_error error = -1;
    char here = 0;

    if (!both.open()) return;
    {
        auto owner = std::make_unique<apm::socket>(std::move(both.socket));
        const apm::socket_ref socket = *owner;

        CHECK(!both.socket);
        CHECK_IS(socket.begin_receive(&here, 1, 0,
                                      [&, owner = std::move(owner)](apm::async_result_ref result) {
                                          error = owner->end_receive(result).code();
                                          done.open();
                                      }),
                 APM_ERROR_SUCCESS);
    }
    CHECK(peer_write(both.other, "k", 1));
    CHECK(done.wait());
    CHECK_ERROR(error, APM_ERROR_SUCCESS);
    CHECK(peer_read(both.other, &here, 1, patience) == PEER_END);
}

/* The end of the library calls what is pending. */
void the_end_of_the_library_calls_it()
{
    apm::library library;
    connection both;
    tally all;
    char here = 0;
    apm_options options = harness_options();

    CHECK_IS(library.startup(&options), APM_ERROR_SUCCESS);
    if (!both.open()) return;
    all.socket = both.socket;
    CHECK_IS(both.socket.begin_receive(&here, 1, 0, witness(all)), APM_ERROR_SUCCESS);
    CHECK(all.alive == 1);
    CHECK_IS(library.cleanup(), APM_ERROR_SUCCESS);
    CHECK(all.alive == 0);
    check_called(all, APM_ERROR_OBJECT_DISPOSED);
    CHECK_IS(library.cleanup(), APM_ERROR_SUCCESS); /* it has nothing left to take back */
}

const test_case callback_cases[] = {
    {"a functor lives until it has returned, and no longer", lives_until_it_has_returned, false},
    {"also when it is called inside Begin", lives_inside_begin, false},
    {"cancel, a timeout and close call it", cancel_and_close_call_it, false},
    {"it is destroyed uncalled when Begin fails", is_destroyed_when_begin_fails, false},
    {"without memory nothing begins", no_memory_begins_nothing, false},
    {"what each kind of callback costs", costs_what_is_promised, false},
    {"a lambda owns what it has captured", owns_what_is_small, false},
    {"a lambda may return what nobody takes", may_return_something, false},
    {"the result is stored before the callback", stores_the_result_first, false},
    {"a functor of the caller's begins again from inside", goes_on_from_inside, false},
    {"a lambda may own its socket", a_callback_may_own_its_socket, false},
    {"the end of the library calls what is pending", the_end_of_the_library_calls_it, true},
    {nullptr, nullptr, false}};

} // namespace

int main(int argc, char **argv)
{
    static const test_suite suites[] = {{"callback", callback_cases}, {nullptr, nullptr}};

    return harness_main(argc, argv, suites);
}
