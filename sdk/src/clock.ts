/** The server's clock as the app can know it: the welcome's time, half a round trip ago. */
export class ServerClock {
  readonly #now: () => number;
  #offset = 0;

  /** @param now the device's clock in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes a server time that was asked for at `askedAt` (device clock). Unreadable ones change nothing. */
  heard(serverTime: string, askedAt: number): void {
    const server = Date.parse(serverTime);
    if (Number.isFinite(server)) this.#offset = server - (askedAt + this.#now()) / 2;
  }

  /** Milliseconds since 1970 by the server's clock; by the device's until the server was heard. */
  now(): number {
    return this.#now() + this.#offset;
  }
}
