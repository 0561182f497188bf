// SPDX-License-Identifier: MIT
// The bench's client on Asio (standalone): a socket per lane, completion handlers as lambdas, an
// io_context that --threads threads run.
#include "bench.h"

#include <asio.hpp>
#include <memory>
#include <process.h>
#include <string>
#include <vector>

using asio::ip::tcp;
using error = asio::error_code;

namespace
{

std::unique_ptr<asio::io_context> context;
tcp::endpoint server;

void check(const error &code, const char *what)
{
    if (code) bench_fail(what, code.value());
}

class lane
{
  public:
    lane() : socket_(*context), buffer_(bench_buffer())
    {
    }

    void open()
    {
        socket_.connect(server);
        socket_.set_option(tcp::no_delay(true));
    }

    void begin()
    {
        began_ = bench_now();
        if (bench_connects())
            dial();
        else if (bench_receives_first())
            receive_next();
        else
            send_next();
    }

  private:
    bool go_on(std::uint64_t bytes)
    {
        if (bench_finish(&began_, bytes)) return true;
        if (bench_leave()) bench_report();
        return false;
    }

    void dial()
    {
        socket_.async_connect(server, [this](const error &code) {
            check(code, "connect");
            socket_.set_option(tcp::no_delay(true));
            if (bench.workload == BENCH_CONNECT)
                hang_up();
            else
                send_next();
        });
    }

    void hang_up()
    {
        std::size_t size = filled_;

        filled_ = 0;
        socket_.close();
        if (go_on(size)) dial();
    }

    void send_next()
    {
        asio::const_buffer bytes(bench_request(buffer_), bench_request_size());

        asio::async_write(socket_, bytes, [this](const error &code, std::size_t size) {
            check(code, "send");
            if (bench.workload != BENCH_SEND)
                receive_next();
            else if (go_on(size))
                send_next();
        });
    }

    void receive_next()
    {
        socket_.async_read_some(asio::buffer(buffer_ + filled_, bench.size - filled_),
                                [this](const error &code, std::size_t size) { on_received(code, size); });
    }

    void on_received(const error &code, std::size_t size)
    {
        if (code == asio::error::eof && bench.workload == BENCH_MSDN) {
            error ignored;

            bench_check_answer(buffer_, filled_);
            socket_.shutdown(tcp::socket::shutdown_both, ignored);
            hang_up();
            return;
        }
        check(code, "receive");
        if (bench.workload == BENCH_IDLE) bench_fail("an idle connection received", static_cast<long>(size));
        if (bench.workload == BENCH_RECEIVE) {
            if (go_on(size)) receive_next();
            return;
        }
        filled_ += size;
        if (bench.workload == BENCH_MSDN || filled_ < bench.size) {
            receive_next();
            return;
        }
        filled_ = 0;
        if (go_on(bench.size)) send_next();
    }

    tcp::socket socket_;
    char *buffer_;
    std::size_t filled_ = 0;
    std::uint64_t began_ = 0;
};

unsigned __stdcall run_context(void *)
{
    context->run();
    return 0;
}

} // namespace

int main(int argc, char **argv)
{
    const std::string version = std::to_string(ASIO_VERSION / 100000) + "." +
                                std::to_string(ASIO_VERSION / 100 % 1000) + "." +
                                std::to_string(ASIO_VERSION % 100);
    bench_start("asio", version.c_str(), argc, argv);
    bench_check_switches();
    context.reset(new asio::io_context(static_cast<int>(bench.threads)));
    auto guard = asio::make_work_guard(*context);
    server = tcp::endpoint(asio::ip::make_address(bench.host), bench.port);

    bench_open();
    std::vector<std::unique_ptr<lane>> lanes;
    for (std::uint32_t i = 0; i < bench.connections; i++) {
        lanes.emplace_back(new lane);
        if (!bench_connects()) lanes.back()->open();
    }

    bench_begin();
    for (auto &l : lanes) l->begin();
    if (bench.workload == BENCH_IDLE) {
        context->poll();
        bench_report_idle();
    }
    for (std::uint32_t i = 1; i < bench.threads; i++)
        if (_beginthreadex(nullptr, 0, run_context, nullptr, 0, nullptr) == 0) bench_fail("thread", 0);
    context->run(); // the last lane that stops ends the process
    return 0;
}
