/** How loud a stream is, ten times a second, from 0 to 1 of full scale (root mean square). */
export class Loudness {
  readonly #context: AudioContext;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(makeContext: () => AudioContext, stream: MediaStream, told: (level: number) => void) {
    this.#context = makeContext();
    const analyser = this.#context.createAnalyser();
    this.#context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      told(Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length));
    }, 100);
  }

  close(): void {
    clearInterval(this.#timer);
    void this.#context.close();
  }
}
