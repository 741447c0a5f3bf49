// As much of D-Bus as it takes to be a desktop's tray to a program: method calls, their answers, and names, by the D-Bus
// specification's wire format, little-endian.
import { createConnection } from 'node:net';

/**
 * @typedef {{ type: number, serial: number, replyTo?: number, path?: string, interface?: string, member?: string,
 *   error?: string, sender?: string, values: any[] }} Message values as {@link read} gives them
 * @typedef {{ signature: string, values: any[] }} Body
 */

const CALL = 1;
const ANSWER = 2;
const ERROR = 3;
const FIELDS = /** @type {const} */ ({
  1: 'path',
  2: 'interface',
  3: 'member',
  4: 'error',
  5: 'replyTo',
  7: 'sender',
  8: 'signature',
});
const BUS = { to: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus' };

/**
 * Connects to a bus as the user who runs this.
 *
 * @param {string} address as in DBUS_SESSION_BUS_ADDRESS; unix sockets only
 * @param {(call: Message) => Body | undefined} onCall answers calls that reach this connection; `undefined` refuses
 * @returns {Promise<{ name: string, own: (name: string) => Promise<void>,
 *   call: (call: { to: string, path: string, interface: string, member: string } & Partial<Body>) => Promise<any[]>, close: () => void }>}
 */
export async function connectBus(address, onCall) {
  const path = /^unix:path=([^,;]+)/.exec(address)?.[1];
  if (!path) throw new Error(`Not the address of a bus on a unix socket: ${address}`);
  const socket = createConnection(decodeURIComponent(path));
  await new Promise((resolve, reject) => socket.once('connect', () => resolve(undefined)).once('error', reject));
  await authenticate(socket);

  let serial = 0;
  /** @type {Map<number, { resolve: (values: any[]) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  const send = (
    /** @type {Parameters<typeof message>[1]} */ fields,
    /** @type {number} */ type,
    /** @type {Body} */ body,
  ) => {
    serial++;
    socket.write(message(type, fields, serial, body));
    return serial;
  };
  /** @param {Message} got */
  const take = (got) => {
    if (got.type === CALL) {
      const body = onCall(got);
      const fields = { replyTo: got.serial, to: got.sender };
      if (body) send(fields, ANSWER, body);
      else send({ ...fields, error: 'org.freedesktop.DBus.Error.UnknownMethod' }, ERROR, { signature: '', values: [] });
      return;
    }
    const call = waiting.get(got.replyTo ?? 0);
    waiting.delete(got.replyTo ?? 0);
    if (got.type === ERROR) call?.reject(new Error(`${got.error}: ${got.values[0] ?? ''}`));
    else if (got.type === ANSWER) call?.resolve(got.values);
  };
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (let length = lengthOf(rest); length !== undefined && rest.length >= length; length = lengthOf(rest)) {
      take(parse(rest.subarray(0, length)));
      rest = rest.subarray(length);
    }
  });
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('The bus closed the connection'));
  });
  socket.on('error', () => {});

  /** @type {Awaited<ReturnType<typeof connectBus>>['call']} */
  const call = ({ signature = '', values = [], ...fields }) =>
    new Promise((resolve, reject) => waiting.set(send(fields, CALL, { signature, values }), { resolve, reject }));
  const [name] = await call({ ...BUS, member: 'Hello' });
  return {
    name,
    call,
    async own(wanted) {
      const [answer] = await call({ ...BUS, member: 'RequestName', signature: 'su', values: [wanted, 4] });
      if (answer !== 1) throw new Error(`The bus does not give the name ${wanted} (${answer})`);
    },
    close() {
      socket.destroy();
    },
  };
}

/** @param {import('node:net').Socket} socket */
async function authenticate(socket) {
  const uid = Buffer.from(String(process.getuid?.() ?? 0)).toString('hex');
  socket.write(`\0AUTH EXTERNAL ${uid}\r\n`);
  const answer = await new Promise((resolve, reject) => {
    socket.once('data', (data) => resolve(data.toString('latin1')));
    socket.once('close', () => reject(new Error('The bus closed the connection')));
  });
  if (!answer.startsWith('OK ')) throw new Error(`The bus refused us: ${answer.trim()}`);
  socket.write('BEGIN\r\n');
}

/**
 * @param {number} type
 * @param {{ to?: string, path?: string, interface?: string, member?: string, error?: string, replyTo?: number }} fields
 * @param {number} serial
 * @param {Body} body
 */
function message(type, fields, serial, { signature, values }) {
  const content = new Writer();
  splitTypes(signature).forEach((one, i) => content.write(one, values[i]));
  /** @type {[number, { type: string, value: any }][]} */
  const header = [];
  const add = (/** @type {number} */ code, /** @type {string} */ kind, /** @type {unknown} */ value) => {
    if (value !== undefined && value !== '') header.push([code, { type: kind, value }]);
  };
  add(1, 'o', fields.path);
  add(2, 's', fields.interface);
  add(3, 's', fields.member);
  add(4, 's', fields.error);
  add(5, 'u', fields.replyTo);
  add(6, 's', fields.to);
  add(8, 'g', signature);
  const whole = new Writer();
  for (const byte of ['l'.charCodeAt(0), type, 0, 1]) whole.write('y', byte);
  whole.write('u', content.bytes().length);
  whole.write('u', serial);
  whole.write('a(yv)', header);
  whole.align(8);
  return Buffer.concat([whole.bytes(), content.bytes()]);
}

/** @param {Buffer} data @returns {number | undefined} bytes of the first message, when its head is there */
function lengthOf(data) {
  return data.length < 16 ? undefined : 16 + 8 * Math.ceil(data.readUInt32LE(12) / 8) + data.readUInt32LE(4);
}

/** @param {Buffer} data one whole message @returns {Message} */
function parse(data) {
  if (data[0] !== 'l'.charCodeAt(0)) throw new Error('A message in the other byte order');
  const reader = new Reader(data, 4);
  const [, serial, header] = [reader.read('u'), reader.read('u'), reader.read('a(yv)')];
  const fields = Object.fromEntries(
    header.map(([code, value]) => [FIELDS[/** @type {keyof typeof FIELDS} */ (code)] ?? code, value]),
  );
  reader.align(8);
  return {
    type: data[1] ?? 0,
    serial,
    ...fields,
    values: splitTypes(fields.signature ?? '').map((one) => reader.read(one)),
  };
}

/** @param {string} signature @returns {string[]} its complete types */
function splitTypes(signature) {
  const types = [];
  for (let from = 0; from < signature.length;) {
    let to = from;
    while (signature[to] === 'a') to++;
    let depth = 0;
    do {
      if ('({'.includes(signature[to] ?? '')) depth++;
      if (')}'.includes(signature[to] ?? '')) depth--;
      to++;
    } while (depth > 0);
    types.push(signature.slice(from, to));
    from = to;
  }
  return types;
}

/** @type {Record<string, number>} */
const ALIGNMENT = {
  y: 1,
  g: 1,
  v: 1,
  n: 2,
  q: 2,
  b: 4,
  i: 4,
  u: 4,
  s: 4,
  o: 4,
  a: 4,
  x: 8,
  t: 8,
  d: 8,
  '(': 8,
  '{': 8,
};

const alignmentOf = (/** @type {string} */ type) => ALIGNMENT[type[0] ?? ''] ?? 1;

/** Structures and dictionary entries are arrays; a variant is `{ type, value }`. */
class Writer {
  /** @type {number[]} */ #bytes = [];

  bytes() {
    return Buffer.from(this.#bytes);
  }

  /** @param {number} to */
  align(to) {
    while (this.#bytes.length % to) this.#bytes.push(0);
  }

  /** @param {string} type @param {any} value */
  write(type, value) {
    this.align(alignmentOf(type));
    switch (type[0]) {
      case 'y':
        return void this.#bytes.push(value);
      case 'b':
      case 'i':
      case 'u':
        return this.#number(Number(value));
      case 's':
      case 'o':
        this.#number(Buffer.byteLength(value));
        return void this.#bytes.push(...Buffer.from(value), 0);
      case 'g':
        return void this.#bytes.push(value.length, ...Buffer.from(value), 0);
      case 'v':
        this.write('g', value.type);
        return this.write(value.type, value.value);
      case '(':
      case '{':
        return splitTypes(type.slice(1, -1)).forEach((one, i) => this.write(one, value[i]));
      case 'a':
        return this.#array(type.slice(1), value);
      default:
        throw new Error(`No way to write a D-Bus ${type}`);
    }
  }

  /** @param {number} value */
  #number(value) {
    this.#bytes.push(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
  }

  /** @param {string} type @param {any[]} values */
  #array(type, values) {
    const at = this.#bytes.length;
    this.#number(0);
    this.align(alignmentOf(type));
    const from = this.#bytes.length;
    for (const one of values) this.write(type, one);
    const length = this.#bytes.length - from;
    for (let i = 0; i < 4; i++) this.#bytes[at + i] = (length >> (8 * i)) & 255;
  }
}

/** Gives what {@link Writer} takes, but of a variant its value alone. */
class Reader {
  #data;
  #at;

  /** @param {Buffer} data @param {number} at */
  constructor(data, at) {
    this.#data = data;
    this.#at = at;
  }

  /** @param {number} to */
  align(to) {
    this.#at = to * Math.ceil(this.#at / to);
  }

  /** @param {string} type @returns {any} */
  read(type) {
    this.align(alignmentOf(type));
    switch (type[0]) {
      case 'y':
        return this.#data[this.#at++];
      case 'b':
        return this.#skip(4, (at) => this.#data.readUInt32LE(at) !== 0);
      case 'i':
        return this.#skip(4, (at) => this.#data.readInt32LE(at));
      case 'u':
        return this.#skip(4, (at) => this.#data.readUInt32LE(at));
      case 'x':
        return this.#skip(8, (at) => this.#data.readBigInt64LE(at));
      case 't':
        return this.#skip(8, (at) => this.#data.readBigUInt64LE(at));
      case 'd':
        return this.#skip(8, (at) => this.#data.readDoubleLE(at));
      case 's':
      case 'o':
        return this.#text(this.read('u'));
      case 'g':
        return this.#text(this.read('y'));
      case 'v':
        return this.read(this.read('g'));
      case '(':
      case '{':
        return splitTypes(type.slice(1, -1)).map((one) => this.read(one));
      case 'a': {
        const length = this.read('u');
        const element = type.slice(1);
        this.align(alignmentOf(element));
        const values = [];
        for (const end = this.#at + length; this.#at < end;) values.push(this.read(element));
        return values;
      }
      default:
        throw new Error(`No way to read a D-Bus ${type}`);
    }
  }

  /** @template T @param {number} bytes @param {(at: number) => T} read @returns {T} */
  #skip(bytes, read) {
    const value = read(this.#at);
    this.#at += bytes;
    return value;
  }

  /** @param {number} length without the zero at its end */
  #text(length) {
    return this.#skip(length + 1, (at) => this.#data.toString('utf8', at, at + length));
  }
}
