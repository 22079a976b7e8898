/** Exit statuses of a command that cannot be started, as shells have them. */
const CANNOT_RUN = 126;
const NOT_FOUND = 127;

/** The command could not be started. */
export class CannotRun extends Error {
  override readonly name = 'CannotRun';
  readonly exitStatus: number;

  constructor(program: string, error: NodeJS.ErrnoException) {
    const isMissing = error.code === 'ENOENT';
    super(isMissing ? `'${program}' was not found` : `'${program}' cannot be run: ${error.message}`);
    this.exitStatus = isMissing ? NOT_FOUND : CANNOT_RUN;
  }
}
