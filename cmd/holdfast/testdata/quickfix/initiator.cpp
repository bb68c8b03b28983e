// Initiator is a FIX 4.4 client on QuickFIX C++ that is driven by lines.
//
// initiator HOST PORT SENDER PASSWORD STORE
//
// A line "D 11=a|55=600100|..." on the standard input sends a message of that type, "seq" asks for the
// numbers, and "quit" logs out and ends. It prints "logon", "logout", each message of the application
// and each reject that arrives, and the next numbers as "seq OUT IN". The store is a folder, so that the
// session goes on after the connection or the server has ended; QuickFIX connects again each second.
#include <quickfix/Application.h>
#include <quickfix/FileStore.h>
#include <quickfix/Session.h>
#include <quickfix/SocketInitiator.h>

#include <algorithm>
#include <iostream>
#include <mutex>
#include <sstream>

static std::mutex output;

static void print(std::string line) {
  std::replace(line.begin(), line.end(), '\001', '|');
  std::lock_guard<std::mutex> lock(output);
  std::cout << line << std::endl;
}

class Client : public FIX::NullApplication {
public:
  explicit Client(std::string password) : password_(std::move(password)) {}

  void onLogon(const FIX::SessionID &) override { print("logon"); }
  void onLogout(const FIX::SessionID &) override { print("logout"); }

  void toAdmin(FIX::Message &message, const FIX::SessionID &) override {
    FIX::MsgType type;
    message.getHeader().getField(type);
    if (type == FIX::MsgType_Logon) message.setField(FIX::Password(password_));
  }

  void fromAdmin(const FIX::Message &message, const FIX::SessionID &)
      throw(FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::RejectLogon) override {
    FIX::MsgType type;
    message.getHeader().getField(type);
    if (type == FIX::MsgType_Reject) print(message.toString());
  }

  void fromApp(const FIX::Message &message, const FIX::SessionID &)
      throw(FIX::FieldNotFound, FIX::IncorrectDataFormat, FIX::IncorrectTagValue, FIX::UnsupportedMessageType) override {
    print(message.toString());
  }

private:
  const std::string password_;
};

// send sends a line such as "D 11=a|55=600100".
static void send(const std::string &line, const FIX::SessionID &session) {
  std::istringstream text(line);
  std::string type, field;
  text >> type >> std::ws;
  FIX::Message message;
  message.getHeader().setField(FIX::MsgType(type));
  while (std::getline(text, field, '|')) {
    const size_t at = field.find('=');
    if (at != std::string::npos) message.setField(std::stoi(field), field.substr(at + 1));
  }
  message.setField(FIX::TransactTime());
  FIX::Session::sendToTarget(message, session);
}

int main(int argc, char **argv) {
  if (argc != 6) return std::cerr << "usage: initiator HOST PORT SENDER PASSWORD STORE\n", 2;
  const FIX::SessionID id("FIX.4.4", argv[3], "HOLDFAST");
  FIX::Dictionary values;
  values.setString("ConnectionType", "initiator");
  values.setString("SocketConnectHost", argv[1]);
  values.setString("SocketConnectPort", argv[2]);
  values.setString("ReconnectInterval", "1");
  values.setString("HeartBtInt", "30");
  values.setString("StartTime", "00:00:00");
  values.setString("EndTime", "00:00:00");
  values.setString("UseDataDictionary", "N");
  values.setString("LogonTimeout", "5");
  FIX::SessionSettings settings;
  settings.set(values); // the ReconnectInterval is that of all sessions
  settings.set(id, FIX::Dictionary());
  try {
    Client client(argv[4]);
    FIX::FileStoreFactory store(argv[5]);
    FIX::SocketInitiator initiator(client, store, settings);
    initiator.start();
    for (std::string line; std::getline(std::cin, line) && line != "quit";) {
      if (line != "seq") {
        send(line, id);
        continue;
      }
      FIX::Session *session = FIX::Session::lookupSession(id);
      print("seq " + std::to_string(session->getExpectedSenderNum()) + " " + std::to_string(session->getExpectedTargetNum()));
    }
    initiator.stop();
  } catch (std::exception &e) {
    return std::cerr << "initiator: " << e.what() << "\n", 1;
  }
}
