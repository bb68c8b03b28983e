// Executor serves FIX 4.4 with QuickFIX C++, as an acceptor is written by its documentation: each
// NewOrderSingle is answered with one ExecutionReport that fills it, which costs nothing else.
//
// executor --listen HOST:PORT --first N --sessions N --store DIR|memory
//
// The sessions are those of the clients N, N+1, ... with the acceptor HOLDFAST. A store in a folder is
// QuickFIX's FileStore, which writes each message but never calls fsync. It has four open files for
// each session. There is no log and no data dictionary, which makes it faster. It listens on all
// addresses, stays in the foreground and ends on SIGTERM.
#include <quickfix/Application.h>
#include <quickfix/FileStore.h>
#include <quickfix/MessageCracker.h>
#include <quickfix/Session.h>
#include <quickfix/SocketAcceptor.h>
#include <quickfix/fix44/ExecutionReport.h>
#include <quickfix/fix44/NewOrderSingle.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <memory>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

class Executor : public FIX::NullApplication, public FIX::MessageCracker {
public:
  void fromApp(const FIX::Message &message, const FIX::SessionID &session)
      throw(FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::UnsupportedMessageType) override {
    crack(message, session);
  }

  void onMessage(const FIX44::NewOrderSingle &order, const FIX::SessionID &session) override {
    FIX::ClOrdID name;
    FIX::Symbol symbol;
    FIX::Side side;
    FIX::OrderQty quantity;
    order.get(name), order.get(symbol), order.get(side), order.get(quantity);
    const std::string id = std::to_string(++executions_);
    const FIX::Price price(10);
    FIX44::ExecutionReport report{FIX::OrderID(id), FIX::ExecID(id), FIX::ExecType(FIX::ExecType_TRADE), FIX::OrdStatus(FIX::OrdStatus_FILLED),
                                  side, FIX::LeavesQty(0), FIX::CumQty(quantity), FIX::AvgPx(price)};
    report.set(name), report.set(symbol), report.set(quantity);
    report.set(FIX::LastQty(quantity)), report.set(FIX::LastPx(price));
    FIX::Session::sendToTarget(report, session);
  }

private:
  unsigned long executions_ = 0;
};

// Connections need low descriptors, because QuickFIX waits with select(2). These are kept free while
// it opens the files of its store.
class LowDescriptors {
public:
  LowDescriptors() {
    for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;) {
      kept_.push_back(fd);
      if (fd >= FD_SETSIZE - 1) break;
    }
  }
  void release() {
    for (int fd : kept_) close(fd);
  }

private:
  std::vector<int> kept_;
};

int main(int argc, char **argv) {
  std::string listen = "127.0.0.1:8893", store = "memory";
  long first = 100001, sessions = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!strcmp(argv[i], "--listen")) listen = argv[i + 1];
    else if (!strcmp(argv[i], "--store")) store = argv[i + 1];
    else if (!strcmp(argv[i], "--first")) first = atol(argv[i + 1]);
    else if (!strcmp(argv[i], "--sessions")) sessions = atol(argv[i + 1]);
    else return std::cerr << "executor: unknown argument " << argv[i] << "\n", 2;
  }
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM), sigaddset(&stop, SIGINT);
  sigprocmask(SIG_BLOCK, &stop, nullptr); // before QuickFIX starts its thread

  FIX::Dictionary defaults;
  defaults.setString("ConnectionType", "acceptor");
  defaults.setString("SocketAcceptPort", listen.substr(listen.rfind(':') + 1));
  defaults.setString("SocketReuseAddress", "Y");
  defaults.setString("SocketNodelay", "Y");
  defaults.setString("StartTime", "00:00:00");
  defaults.setString("EndTime", "00:00:00");
  defaults.setString("UseDataDictionary", "N");
  FIX::SessionSettings settings;
  settings.set(defaults);
  for (long n = first; n < first + sessions; n++) settings.set(FIX::SessionID("FIX.4.4", "HOLDFAST", std::to_string(n)), FIX::Dictionary());
  std::unique_ptr<FIX::MessageStoreFactory> stores;
  if (store == "memory") stores.reset(new FIX::MemoryStoreFactory);
  else stores.reset(new FIX::FileStoreFactory(store));
  try {
    Executor executor;
    LowDescriptors low;
    FIX::SocketAcceptor acceptor(executor, *stores, settings);
    low.release();
    acceptor.start();
    int received;
    sigwait(&stop, &received);
    acceptor.stop(true);
  } catch (std::exception &e) {
    return std::cerr << "executor: " << e.what() << "\n", 1;
  }
}
