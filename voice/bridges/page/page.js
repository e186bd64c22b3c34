// The page: a button, captions, and the way of sound to the conversation and back.

const VOICE_RATE = 22050;
const AGAIN_AFTER = [1000, 2000, 5000, 10000]; // ms between tries to come back

const at = (id) => document.getElementById(id);
const talk = at("talk");
const captions = at("captions");

let context; // AudioContext of the microphone
let mouth; // AudioContext of the voice: it can be held while the microphone goes on
let ears; // AudioWorkletNode
let socket;
let began = false; // whether the person has begun the conversation
let open = false; // whether the microphone is heard
let tries = 0;
let expected = 0; // the sound that comes next
let due = 0; // when the last sound ends, on the context's clock
let sounding = [];
let awake; // keeps the screen on, and with it the microphone

// What is shown

function say(words) {
  if (at("state").textContent !== words) at("state").textContent = words;
}

function mode() {
  return document.querySelector("input[name=mode]:checked").value;
}

function show() {
  const held = mode() === "hold";
  talk.setAttribute("aria-pressed", String(open));
  const heard = { hearing: "Hearing you", speaking: "Speaking" }[talk.dataset.state] ?? "Listening";
  at("talk-word").textContent = open ? heard : held ? "Hold to talk" : "Talk";
  at("talk-about").textContent = held
    ? "Hold the button, or the space bar, while you talk."
    : open ? "Press to close the microphone." : "Press to open the microphone.";
  if (!began) return;
  say(held ? "Ready." : open ? "The microphone is open." : "The microphone is closed.");
}

function caption(kind, who, words) {
  const line = document.createElement("p");
  line.className = kind;
  const name = document.createElement("span");
  name.className = "hidden-words";
  name.textContent = `${who}: `;
  line.append(name, words);
  captions.append(line);
  while (captions.childElementCount > 100) captions.firstElementChild.remove();
  captions.scrollTop = captions.scrollHeight;
}

// Sound

async function begin() {
  context = new AudioContext();
  mouth = new AudioContext();
  const stream = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: false, autoGainControl: true },
  });
  await context.audioWorklet.addModule("ears.js");
  ears = new AudioWorkletNode(context, "ears", { numberOfOutputs: 1, channelCount: 1,
    channelCountMode: "explicit" });
  context.createMediaStreamSource(stream).connect(ears);
  ears.connect(context.destination); // It gives silence, and so is kept running.
  ears.port.onmessage = (event) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(event.data);
  };
  stream.getAudioTracks()[0].onended = () => {
    listen(false);
    say("The microphone is gone. Press the button to try again.");
    began = false;
    socket.close();
  };
  await context.resume();
  await mouth.resume();
  began = true;
  connect();
}

function play(number, bytes) {
  const samples = new Int16Array(bytes);
  const buffer = mouth.createBuffer(1, samples.length, VOICE_RATE);
  buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32768), 0);
  const source = mouth.createBufferSource();
  source.buffer = buffer;
  source.connect(mouth.destination);
  const start = Math.max(mouth.currentTime + 0.02, due);
  due = start + buffer.duration;
  source.onended = () => {
    sounding = sounding.filter((each) => each !== source);
    tell({ ended: number });
  };
  source.start(start);
  sounding.push(source);
  setTimeout(() => tell({ began: number }), (start - mouth.currentTime) * 1000);
}

function hush() {
  for (const source of sounding) source.stop();
  due = 0;
  mouth?.resume();
}

function stayAwake() {
  if (open) navigator.wakeLock?.request("screen").then((lock) => { awake = lock; }, () => {});
  else awake?.release();
}
document.addEventListener("visibilitychange", stayAwake);

function listen(whether) {
  open = whether;
  ears?.port.postMessage(open);
  stayAwake();
  show();
}

// The connection

function tell(thing) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(thing));
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/talk`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    tries = 0;
    tell({ rate: context.sampleRate });
    show();
  };
  socket.onmessage = (event) => {
    if (event.data instanceof ArrayBuffer) play(expected, event.data);
    else take(JSON.parse(event.data));
  };
  socket.onclose = async () => {
    hush();
    talk.dataset.state = "";
    if (!began) return;
    if (!(await paired())) return;
    say("The connection is lost. Trying again.");
    setTimeout(connect, AGAIN_AFTER[Math.min(tries, AGAIN_AFTER.length - 1)]);
    tries += 1;
  };
}

function take(message) {
  if ("sound" in message) expected = message.sound;
  if ("hush" in message) hush();
  if ("hold" in message) message.hold ? mouth.suspend() : mouth.resume();
  if ("state" in message && talk.dataset.state !== message.state) {
    talk.dataset.state = message.state;
    show();
  }
  if ("heard" in message) caption("heard", "You", message.heard);
  if ("said" in message) caption("said", "lowtide", message.said);
  if ("captions" in message) showCaptions(message.captions);
  if ("trouble" in message) {
    began = false;
    listen(false);
    say(message.trouble);
    socket.close();
  }
}

async function paired() {
  let here = false;
  try {
    here = (await fetch("pair")).status !== 403;
  } catch {
    return true; // The server is away: that is no question of pairing.
  }
  at("pairing").hidden = here;
  at("room").hidden = !here;
  return here;
}

// What is pressed

async function press(whether) {
  if (!began) {
    say("Opening the microphone.");
    try {
      await begin();
    } catch {
      say("The microphone can't be opened. Allow it for this page, then try again.");
      return;
    }
  }
  listen(whether);
}

talk.addEventListener("click", (event) => {
  // Screen readers press without a pointer, and can't hold.
  if (mode() === "open" || event.detail === 0) press(!open);
});
talk.addEventListener("pointerdown", (event) => {
  if (mode() !== "hold") return;
  talk.setPointerCapture(event.pointerId);
  press(true);
});
for (const kind of ["pointerup", "pointercancel"]) {
  talk.addEventListener(kind, () => { if (mode() === "hold") listen(false); });
}
talk.addEventListener("keydown", (event) => {
  if (event.key !== " " || mode() !== "hold") return;
  event.preventDefault();
  if (!event.repeat) press(true);
});
talk.addEventListener("keyup", (event) => {
  if (event.key !== " " || mode() !== "hold") return;
  event.preventDefault();
  listen(false);
});
talk.addEventListener("contextmenu", (event) => event.preventDefault());

function stop() {
  hush();
  tell({ stop: 1 });
}
at("stop").addEventListener("click", stop);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") stop(); });

for (const radio of document.querySelectorAll("input[name=mode]")) {
  radio.addEventListener("change", () => { listen(false); });
}

function showCaptions(whether) {
  at("show").checked = whether;
  captions.hidden = !whether;
}
at("show").addEventListener("change", (event) => showCaptions(event.target.checked));
at("announce").addEventListener("change", (event) => {
  captions.setAttribute("aria-live", event.target.checked ? "polite" : "off");
});

at("pairing").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("pairing-answer").textContent = "";
  const answer = await fetch("pair", { method: "POST", body: at("code").value });
  if (answer.ok) {
    await paired();
    talk.focus();
  } else {
    at("pairing-answer").textContent = "That is not the code. Look at the screen again.";
    at("code").select();
  }
});

show();
if (!(await paired())) at("code").focus();
