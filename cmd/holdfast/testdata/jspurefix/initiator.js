// A FIX 4.4 client on jspurefix that is driven by lines.
//
// node initiator.js HOST PORT SENDER PASSWORD STORE
//
// A line "D 11=a|55=600100|..." on the standard input sends a message of that type, and "quit" logs out
// and ends. It prints "logon", "logout" and each message of the application that arrives. The store is a
// folder, so that the session goes on after the connection or the server has ended.
'use strict'
require('reflect-metadata')
const path = require('path')
const readline = require('readline')
const { AsciiSession, SessionLauncher, EmptyLogFactory } = require('jspurefix')

const [host, port, sender, password, directory] = process.argv.slice(2)
const print = text => process.stdout.write(text + '\n')

// Names of the fields, and those that are in a component.
const names = {
  11: 'ClOrdID', 37: 'OrderID', 40: 'OrdType', 41: 'OrigClOrdID', 44: 'Price', 54: 'Side', 59: 'TimeInForce', 99: 'StopPx', 126: 'ExpireTime'
}
const components = { 38: ['OrderQtyData', 'OrderQty'], 55: ['Instrument', 'Symbol'], 207: ['Instrument', 'SecurityExchange'] }

// messageOf returns the object for the fields of a line.
function messageOf (fields) {
  const message = { TransactTime: new Date() }
  for (const field of fields.split('|')) {
    const [tag, value] = field.split('=')
    const typed = /^(38|44|99)$/.test(tag) ? Number(value) : tag === '126' ? dateOf(value) : value
    if (tag in components) {
      const [component, name] = components[tag]
      message[component] = { ...message[component], [name]: typed }
    } else {
      message[names[tag]] = typed
    }
  }
  return message
}

// dateOf returns the time of a text such as 20260102-15:04:05.000.
function dateOf (text) {
  return new Date(text.replace(/^(\d{4})(\d\d)(\d\d)-/, '$1-$2-$3T') + 'Z')
}

class Client extends AsciiSession {
  onDecoded (type, text) { this.text = text }
  onEncoded () {}
  // Jspurefix passes on what comes beyond a gap, and again what it has asked for with it.
  onApplicationMsg () {
    const [, number] = this.text.match(/\|34=(\d+)\|/)
    if (!seen.has(number) || !this.text.includes('|43=Y|')) print(this.text)
    seen.add(number)
  }

  onLogon () { return true }
  onReady () {
    current = this
    print('logon')
    for (const line of waiting.splice(0)) this.order(line)
  }

  onStopped () {
    current = null
    print('logout')
    // The store writes the numbers in the background, and several writes may overtake each other.
    if (ending) setTimeout(() => this.sessionStore.setSenderSeqNum(this.sessionStore.senderSeqNum).then(() => process.exit(0)), 200)
  }

  order (line) {
    const at = line.indexOf(' ')
    this.send(line.slice(0, at), messageOf(line.slice(at + 1)))
  }
}

let current = null // the session while it is logged on
let ending = false
const seen = new Set() // numbers of messages that have come
const waiting = [] // lines that wait for it

class Launcher extends SessionLauncher {
  constructor () {
    super({
      application: {
        type: 'initiator', name: 'holdfast', protocol: 'ascii', dictionary: 'qf44', tcp: { host, port: Number(port) },
        resilient: true, reconnectSeconds: 1, recoveryAttemptSeconds: 1, backoffFailConnectSeconds: 1
      },
      Username: sender, Password: password, EncryptMethod: 0, ResetSeqNumFlag: false, HeartBtInt: 30,
      SenderCompId: sender, TargetCompID: 'HOLDFAST', BeginString: 'FIX.4.4', store: { type: 'file', directory }
    }, null, new EmptyLogFactory())
    this.root = path.dirname(require.resolve('jspurefix/package.json')) + '/'
  }

  makeFactory () { return { makeSession: config => new Client(config) } }
}

new Launcher().run().catch(error => { print(String(error)); process.exit(1) })

readline.createInterface({ input: process.stdin }).on('line', line => {
  if (line === 'quit') {
    ending = true
    current?.done()
  } else if (current) {
    current.order(line)
  } else {
    waiting.push(line)
  }
})
