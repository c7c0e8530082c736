// PM2's own client, loaded once: `node pm2_client.js APPS.json`, with PM2 in NODE_PATH.
// Each line on its input is a command; each gets one line of JSON back.
"use strict";

const fs = require("fs");
const readline = require("readline");
const pm2 = require("pm2");

const call = (name, ...words) =>
  new Promise((resolve, reject) =>
    pm2[name](...words, (error, found) => (error ? reject(error) : resolve(found))),
  );

// All at once, straight to the daemon, which `pm2 stop all` asks in small groups.
const forAll = async (action) => {
  const ids = (await call("list")).map((app) => app.pm_id);
  const one = (id) =>
    new Promise((resolve, reject) =>
      pm2.Client.executeRemote(action, id, (error) => (error ? reject(error) : resolve())),
    );
  await Promise.all(ids.map(one));
};

const commands = {
  // Connecting starts the daemon if there is none.
  async launch() {
    pm2.disconnect();
    await call("connect");
    const apps = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
    if (apps.length) await call("start", apps);
  },
  start: () => forAll("startProcessId"),
  stop: () => forAll("stopProcessId"),
  async pids() {
    return (await call("list")).map((app) => app.pid).filter((pid) => pid);
  },
  async status() {
    return (await call("list")).length;
  },
};

// PM2 talks on the standard output too: only what begins with "answer " is one.
readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  try {
    const found = await commands[line.trim()]();
    process.stdout.write("answer " + JSON.stringify(found ?? null) + "\n");
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}).on("close", () => process.exit(0));
