// Just enough of WASI preview 1 for a command that reads its arguments and writes one file: the file and
// its output live in memory, so speech leaves no traces on the disk and needs no permission there.

const SUCCESS = 0;
const BAD_DESCRIPTOR = 8;
const NO_ENTRY = 44;
const STDOUT = 1;
const STDERR = 2;
/** The one folder the command believes it may open. */
const FOLDER = 3;
const FILE = 4;
const CHARACTER_DEVICE = 2;
const DIRECTORY = 3;
const REGULAR_FILE = 4;
const CREATE = 1;

class Exit extends Error {}

export interface CommandResult {
  readonly file: Uint8Array;
  readonly text: string;
  /** What the command complained about. */
  readonly complaint: string;
}

export async function runCommand(
  module: WebAssembly.Module,
  args: readonly string[],
): Promise<CommandResult> {
  const written = new Map([STDOUT, STDERR, FILE].map((fd) => [fd, createFile()]));
  // Read anew each time: the buffer is replaced whenever the program asks for more.
  const buffer = () => (instance.exports.memory as WebAssembly.Memory).buffer;
  const view = () => new DataView(buffer());
  const bytes = () => new Uint8Array(buffer());
  const encoded = args.map((argument) => new TextEncoder().encode(`${argument}\0`));

  const imports = {
    args_sizes_get: (count: number, size: number) => {
      view().setUint32(count, encoded.length, true);
      view().setUint32(
        size,
        encoded.reduce((sum, { length }) => sum + length, 0),
        true,
      );
      return SUCCESS;
    },
    args_get: (table: number, buffer: number) => {
      let at = buffer;
      for (const [index, argument] of encoded.entries()) {
        view().setUint32(table + index * 4, at, true);
        bytes().set(argument, at);
        at += argument.length;
      }
      return SUCCESS;
    },
    // A clock that stands still: the same text must always give the same sound.
    clock_time_get: (_clock: number, _precision: bigint, result: number) => {
      view().setBigUint64(result, 0n, true);
      return SUCCESS;
    },
    fd_prestat_get: (fd: number, result: number) => {
      if (fd !== FOLDER) return BAD_DESCRIPTOR;
      view().setUint8(result, 0);
      view().setUint32(result + 4, 1, true);
      return SUCCESS;
    },
    fd_prestat_dir_name: (fd: number, path: number) => {
      if (fd !== FOLDER) return BAD_DESCRIPTOR;
      view().setUint8(path, '.'.charCodeAt(0));
      return SUCCESS;
    },
    fd_fdstat_get: (fd: number, result: number) => {
      if (fd > FILE) return BAD_DESCRIPTOR;
      bytes().fill(0, result, result + 24);
      view().setUint8(
        result,
        fd === FOLDER ? DIRECTORY : fd === FILE ? REGULAR_FILE : CHARACTER_DEVICE,
      );
      view().setBigUint64(result + 8, ~0n, true);
      view().setBigUint64(result + 16, ~0n, true);
      return SUCCESS;
    },
    fd_fdstat_set_flags: () => SUCCESS,
    fd_close: () => SUCCESS,
    fd_read: (_fd: number, _vectors: number, _count: number, result: number) => {
      view().setUint32(result, 0, true);
      return SUCCESS;
    },
    fd_write: (fd: number, vectors: number, count: number, result: number) => {
      const file = written.get(fd);
      if (file === undefined) return BAD_DESCRIPTOR;
      let total = 0;
      for (let index = 0; index < count; index += 1) {
        const from = view().getUint32(vectors + index * 8, true);
        const length = view().getUint32(vectors + index * 8 + 4, true);
        file.write(bytes().subarray(from, from + length));
        total += length;
      }
      view().setUint32(result, total, true);
      return SUCCESS;
    },
    fd_seek: (fd: number, offset: bigint, whence: number, result: number) => {
      const file = written.get(fd);
      if (file === undefined) return BAD_DESCRIPTOR;
      view().setBigUint64(result, BigInt(file.seek(Number(offset), whence)), true);
      return SUCCESS;
    },
    path_open: (...[, , , , flags, , , , result]: number[]) => {
      if ((flags! & CREATE) === 0) return NO_ENTRY;
      view().setUint32(result!, FILE, true);
      return SUCCESS;
    },
    proc_exit: () => {
      throw new Exit();
    },
  };

  const instance: WebAssembly.Instance = await WebAssembly.instantiate(module, {
    wasi_snapshot_preview1: imports,
  });
  try {
    (instance.exports._start as () => void)();
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
  }
  const decode = (fd: number) => new TextDecoder().decode(written.get(fd)!.content());
  return { file: written.get(FILE)!.content(), text: decode(STDOUT), complaint: decode(STDERR) };
}

function createFile() {
  let data = new Uint8Array(65_536);
  let length = 0;
  let place = 0;
  return {
    write: (piece: Uint8Array) => {
      const end = place + piece.length;
      if (end > data.length) {
        const larger = new Uint8Array(Math.max(end, data.length * 2));
        larger.set(data);
        data = larger;
      }
      data.set(piece, place);
      place = end;
      length = Math.max(length, end);
    },
    seek: (offset: number, whence: number) => {
      place = Math.max(0, offset + [0, place, length][whence]!);
      return place;
    },
    content: () => data.slice(0, length),
  };
}
