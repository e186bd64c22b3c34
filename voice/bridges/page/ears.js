// Runs beside the page: hands on what the microphone gives, or as much silence while it is closed,
// so that time goes on for the conversation.

const BLOCK = 1024; // samples, about 20 ms

class Ears extends AudioWorkletProcessor {
  constructor() {
    super();
    this.open = false;
    this.block = new Int16Array(BLOCK);
    this.filled = 0;
    this.port.onmessage = (event) => { this.open = event.data; };
  }

  process([input]) {
    const sound = this.open ? input[0] : undefined;
    for (let i = 0; i < 128; i += 1) {
      const sample = sound ? Math.max(-1, Math.min(1, sound[i])) : 0;
      this.block[this.filled] = sample * 32767;
      this.filled += 1;
      if (this.filled === BLOCK) {
        this.port.postMessage(this.block.slice().buffer);
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("ears", Ears);
