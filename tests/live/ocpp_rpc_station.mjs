// A central system's address in, a charge point of OCPP 1.6, 2.0.1 or 2.1 at it, on npm's ocpp-rpc with its own schemas.
//
//     node tests/live/ocpp_rpc_station.mjs ws://HOST:PORT NAME [--protocol ocpp1.6|ocpp2.0.1|ocpp2.1] [--units A,W]
//         [--evses N] [--stack-level N] [--password TEXT] [--ca FILE] [--reject] [--silent] [--no-watchdog] [--meter]
//         [--lies-by AMPERES] [--resumption S] [--foreign AMPERES]
//
// It shares no code with evrds or with the library that evrds uses: another wire, other schemas (every message both
// ways is checked), another reading of the standard. It connects again 0.1 s after the connection ends, doubling to 2 s,
// and runs until SIGTERM. Its clock is what the central system tells; its memory is the process's.
//
// --units        ChargingScheduleAllowedChargingRateUnit, or SmartChargingCtrlr's RateUnit (default A)
// --evses        how many EVSEs (2.x) or connectors (1.6) it has (default 1)
// --stack-level  the highest stack level that it takes (default 8)
// --reject       it refuses every profile; --silent leaves SetChargingProfile unanswered
// --no-watchdog  2.1: it does not know maxOfflineDuration
// --meter        a car is plugged in, draws 15.2 A and has counted 2250 Wh
// --lies-by      it says in GetCompositeSchedule this many amperes more than holds
// --resumption   2.1: its own random delay after an interruption, in s, which can be written if it is 7
// --foreign      an earlier central system left this limit for the whole charge point on the highest stack level
// Words on standard input: `offline` and `online` pull the plug and put it back; `forget` loses the profiles; `reboot` too, and
// greets anew;
// `limit AMPERES` is a limit that someone else sets at the charge point, `limit` its end.
//
// One line of JSON on standard output for every event and every change of what holds:
//
//     {"event": "set", "limit_a": 16, "limit_w": null, "until": "2026-01-15T19:00:00.000Z",
//      "purpose": "ChargingStationMaxProfile", "clock": "2026-01-15T18:00:00.000Z", "evses": [16]}
//
// event      set, rejected, cleared, changed (a profile began or ended, or an absence was too long), variable
// limit_a    what holds for the first EVSE, in A per phase, when the profile that decides is in A; else limit_w
// purpose    of the profile that decides
// evses      the same number for each EVSE

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import rpc from "ocpp-rpc";

const VOLTS_OF_THREE_PHASES = 690;
const LOOK_MS = 25;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    protocol: { type: "string", default: "ocpp1.6" },
    units: { type: "string", default: "A" },
    evses: { type: "string", default: "1" },
    "stack-level": { type: "string", default: "8" },
    password: { type: "string" },
    ca: { type: "string" },
    reject: { type: "boolean", default: false },
    silent: { type: "boolean", default: false },
    "no-watchdog": { type: "boolean", default: false },
    meter: { type: "boolean", default: false },
    "lies-by": { type: "string", default: "0" },
    foreign: { type: "string" },
    resumption: { type: "string", default: "0" },
  },
});
const [endpoint, identity] = positionals;
const old = options.protocol === "ocpp1.6";
const evses = Number(options.evses);
const MAX = old ? "ChargePointMaxProfile" : "ChargingStationMaxProfile";
const EXTERNAL = "ChargingStationExternalConstraints";

// The clock that was told.
let told = Date.parse("2000-01-01T00:00:00Z");
let toldAt = performance.now();
const clock = () => told + performance.now() - toldAt;
const text = (moment) => new Date(moment).toISOString();

// Every profile by its id: {evse, profile}; in 1.6 words the profile is rewritten in those of 2.x.
const profiles = new Map();
let booted = false;
let absentSince = performance.now();
let online = false;
let plugged = true; // the network cable, not the car's
let outside = null; // a limit of someone else, A

function begins(profile) {
  const [schedule] = profile.chargingSchedule;
  return Math.max(Date.parse(profile.validFrom ?? 0), Date.parse(schedule.startSchedule ?? 0));
}

function ends(profile) {
  const [schedule] = profile.chargingSchedule;
  const stop = schedule.duration === undefined ? Infinity : Date.parse(schedule.startSchedule) + 1000 * schedule.duration;
  return Math.min(stop, profile.validTo === undefined ? Infinity : Date.parse(profile.validTo));
}

function holds(profile) {
  const now = clock();
  const longest = profile.maxOfflineDuration;
  const absent = online || longest === undefined ? 0 : performance.now() - absentSince;
  return begins(profile) <= now && now < ends(profile) && !(absent > 1000 * longest);
}

// The period of a profile that counts now, with the profile's unit, purpose and end.
function period(profile) {
  const [schedule] = profile.chargingSchedule;
  const since = (clock() - Date.parse(schedule.startSchedule)) / 1000;
  const current = schedule.chargingSchedulePeriod.filter((one) => one.startPeriod <= since).at(-1);
  const amperes = schedule.chargingRateUnit === "A" ? current.limit : current.limit / VOLTS_OF_THREE_PHASES;
  return { amperes, limit: current.limit, unit: schedule.chargingRateUnit, purpose: profile.chargingProfilePurpose, until: ends(profile) };
}

// Of one purpose the highest stack level; of an EVSE's own and the station's default, the EVSE's own.
function leading(purpose, evse) {
  const able = [...profiles.values()].filter((one) => one.profile.chargingProfilePurpose === purpose && holds(one.profile));
  const own = able.filter((one) => one.evse === evse);
  const candidates = own.length > 0 ? own : able.filter((one) => one.evse === 0);
  candidates.sort((a, b) => b.profile.stackLevel - a.profile.stackLevel);
  return candidates.length > 0 ? period(candidates[0].profile) : null;
}

// What holds for an EVSE: the lowest of what leads in each purpose; for 0 that of the whole charge point.
function composite(evse) {
  const parts = [leading(MAX, 0), evse === 0 ? null : leading("TxDefaultProfile", evse)].filter((part) => part !== null);
  if (outside !== null) parts.push({ amperes: outside, limit: outside, unit: "A", purpose: EXTERNAL, until: Infinity });
  parts.sort((a, b) => a.amperes - b.amperes);
  return parts[0] ?? null;
}

let lastSaid = "";
const state = () => {
  const one = composite(1);
  return {
    limit_a: one?.unit === "A" ? one.limit : null,
    limit_w: one?.unit === "W" ? one.limit : null,
    until: one === null || one.until === Infinity ? null : text(one.until),
    purpose: one?.purpose ?? null,
    evses: Array.from({ length: evses }, (_, i) => composite(i + 1)?.limit ?? null),
  };
};

function report(event, more = {}) {
  const now = state();
  lastSaid = JSON.stringify(now);
  process.stdout.write(JSON.stringify({ event, ...now, clock: text(clock()), ...more }) + "\n");
}

setInterval(() => {
  if (JSON.stringify(state()) !== lastSaid) report("changed");
  for (const [id, one] of profiles) if (ends(one.profile) <= clock()) profiles.delete(id);
}, LOOK_MS);

// Why a profile cannot be taken, in the words of StatusInfoType; null if it can.
function fault(evse, profile) {
  if (options.reject) return "InvalidProfile";
  if (evse < 0 || evse > evses) return "UnknownEvse";
  if (![MAX, "TxDefaultProfile"].includes(profile.chargingProfilePurpose)) return "InvalidProfile";
  if (profile.chargingProfilePurpose === MAX && evse !== 0) return "InvalidProfile";
  if (profile.chargingProfileKind !== "Absolute") return "UnsupportedKind";
  if (profile.stackLevel > Number(options["stack-level"])) return "InvalidStackLevel";
  if (profile.chargingSchedule.length !== 1) return "InvalidSchedule";
  const [schedule] = profile.chargingSchedule;
  if (schedule.startSchedule === undefined || schedule.chargingSchedulePeriod[0].startPeriod !== 0) return "InvalidSchedule";
  if (!options.units.split(",").includes(schedule.chargingRateUnit)) return "UnsupportedRateUnit";
  if (schedule.randomizedDelay) return "UnsupportedParam";
  if (profile.maxOfflineDuration !== undefined && options["no-watchdog"]) return "UnsupportedParam";
  const twin = [...profiles].some(([id, other]) =>
    id !== profile.id && other.evse === evse && other.profile.stackLevel === profile.stackLevel &&
    other.profile.chargingProfilePurpose === profile.chargingProfilePurpose &&
    begins(profile) < ends(other.profile) && begins(other.profile) < ends(profile));
  return twin && !old ? "DuplicateProfile" : null; // 1.6 lets the newer one take the other's place (3.13.2)
}

function setProfile(evse, profile) {
  const reasonCode = fault(evse, profile);
  if (reasonCode !== null) {
    report("rejected", { reason: reasonCode });
    return { status: "Rejected", ...(old ? {} : { statusInfo: { reasonCode } }) };
  }
  if (old)
    for (const [id, other] of profiles)
      if (other.evse === evse && other.profile.stackLevel === profile.stackLevel &&
          other.profile.chargingProfilePurpose === profile.chargingProfilePurpose) profiles.delete(id);
  profiles.set(profile.id, { evse, profile });
  report("set", { id: profile.id });
  return { status: "Accepted" };
}

function clear(fits) {
  const gone = [...profiles].filter(([id, one]) => fits(id, one)).map(([id]) => id);
  gone.forEach((id) => profiles.delete(id));
  if (gone.length > 0) report("cleared", { ids: gone });
  return { status: gone.length > 0 ? "Accepted" : "Unknown" };
}

function compositeSchedule(evse, { duration, chargingRateUnit: unit = options.units.split(",")[0] }) {
  const one = composite(evse);
  if (one === null || evse > evses) return null;
  const amperes = one.amperes + Number(options["lies-by"]);
  const limit = unit === "A" ? amperes : amperes * VOLTS_OF_THREE_PHASES;
  return { duration, chargingRateUnit: unit, chargingSchedulePeriod: [{ startPeriod: 0, limit: Math.round(10 * limit) / 10, numberPhases: 3 }] };
}

const never = () => new Promise(() => {});

// ---- OCPP 1.6

const settings = {
  ChargingScheduleAllowedChargingRateUnit: options.units.replace("A", "Current").replace("W", "Power"),
  ChargeProfileMaxStackLevel: options["stack-level"],
  ChargingScheduleMaxPeriods: "4",
  MaxChargingProfilesInstalled: "8",
  NumberOfConnectors: options.evses,
  MeterValueSampleInterval: "60",
  SupportedFeatureProfiles: "Core,SmartCharging,RemoteTrigger",
};

const handlers16 = {
  GetConfiguration: ({ key }) => {
    const asked = key === undefined || key.length === 0 ? Object.keys(settings) : key;
    const known = asked.filter((name) => name in settings);
    return {
      configurationKey: known.map((name) => ({ key: name, readonly: name !== "MeterValueSampleInterval", value: settings[name] })),
      unknownKey: asked.filter((name) => !known.includes(name)),
    };
  },
  ChangeConfiguration: ({ key, value }) => {
    if (key !== "MeterValueSampleInterval") return { status: key in settings ? "Rejected" : "NotSupported" };
    settings[key] = value;
    return { status: "Accepted" };
  },
  SetChargingProfile: ({ connectorId, csChargingProfiles: { chargingProfileId, chargingSchedule, ...rest } }) =>
    options.silent ? never() : setProfile(connectorId, { ...rest, id: chargingProfileId, chargingSchedule: [chargingSchedule] }),
  ClearChargingProfile: ({ id, connectorId, chargingProfilePurpose, stackLevel }) =>
    clear((number, one) =>
      id !== undefined ? number === id :
        one.evse === (connectorId ?? one.evse) && one.profile.stackLevel === (stackLevel ?? one.profile.stackLevel) &&
        one.profile.chargingProfilePurpose === (chargingProfilePurpose ?? one.profile.chargingProfilePurpose)),
  GetCompositeSchedule: ({ connectorId, ...asked }) => {
    const chargingSchedule = compositeSchedule(connectorId, asked);
    return chargingSchedule === null ? { status: "Rejected" } :
      { status: "Accepted", connectorId, scheduleStart: text(clock()), chargingSchedule };
  },
};

// ---- OCPP 2.0.1 and 2.1: the device model, as far as it is asked for

const variables = new Map(Object.entries({
  "SmartChargingCtrlr.Enabled": "true",
  "SmartChargingCtrlr.Available": "true",
  "SmartChargingCtrlr.RateUnit": options.units,
  "SmartChargingCtrlr.ProfileStackLevel": options["stack-level"],
  "SmartChargingCtrlr.PeriodsPerSchedule": "4",
  "ChargingStation.VendorName": "ocpp-rpc",
}));
if (options.protocol === "ocpp2.1") {
  variables.set("SmartChargingCtrlr.SupportsMaxOfflineDuration", String(!options["no-watchdog"]));
  variables.set("TxCtrlr.EnergyTransferResumptionRandomRange", options.resumption);
}
const nameOf = ({ component, variable }) => `${component.name}.${variable.name}`;

const handlers2 = {
  GetVariables: ({ getVariableData }) => ({
    getVariableResult: getVariableData.map(({ component, variable }) => {
      const value = variables.get(nameOf({ component, variable }));
      const known = [...variables.keys()].some((name) => name.startsWith(component.name + "."));
      const attributeStatus = value !== undefined ? "Accepted" : known ? "UnknownVariable" : "UnknownComponent";
      return { attributeStatus, component, variable, ...(value === undefined ? {} : { attributeValue: value }) };
    }),
  }),
  SetVariables: ({ setVariableData }) => ({
    setVariableResult: setVariableData.map(({ component, variable, attributeValue }) => {
      const name = nameOf({ component, variable });
      const fixed = name.startsWith("SmartCharging") || (name.endsWith("RandomRange") && options.resumption !== "7");
      const attributeStatus = !variables.has(name) ? "UnknownVariable" : fixed ? "Rejected" : "Accepted";
      if (attributeStatus === "Accepted") {
        variables.set(name, attributeValue);
        report("variable", { name, value: attributeValue });
      }
      return { attributeStatus, component, variable };
    }),
  }),
  GetBaseReport: ({ requestId }) => {
    setImmediate(() => tellInventory(requestId));
    return { status: "Accepted" };
  },
  SetChargingProfile: ({ evseId, chargingProfile }) => (options.silent ? never() : setProfile(evseId, chargingProfile)),
  ClearChargingProfile: ({ chargingProfileId, chargingProfileCriteria: which = {} }) =>
    clear((id, one) =>
      chargingProfileId !== undefined ? id === chargingProfileId :
        one.evse === (which.evseId ?? one.evse) && one.profile.stackLevel === (which.stackLevel ?? one.profile.stackLevel) &&
        one.profile.chargingProfilePurpose === (which.chargingProfilePurpose ?? one.profile.chargingProfilePurpose)),
  GetChargingProfiles: ({ requestId, evseId, chargingProfile: which }) => {
    const found = [...profiles].filter(([id, one]) =>
      one.evse === (evseId ?? one.evse) && (which.chargingProfileId ?? [id]).includes(id) &&
      one.profile.chargingProfilePurpose === (which.chargingProfilePurpose ?? one.profile.chargingProfilePurpose));
    setImmediate(() => tellProfiles(requestId, found.map(([, one]) => one)));
    return { status: found.length > 0 ? "Accepted" : "NoProfiles" };
  },
  GetCompositeSchedule: ({ evseId, ...asked }) => {
    const schedule = compositeSchedule(evseId, asked);
    return schedule === null ? { status: "Rejected" } :
      { status: "Accepted", schedule: { ...schedule, evseId, scheduleStart: text(clock()) } };
  },
};

async function tellProfiles(requestId, found) {
  for (const [index, { evse: evseId, profile }] of found.entries())
    await call("ReportChargingProfiles", { requestId, chargingLimitSource: "CSO", evseId, chargingProfile: [profile], tbc: index + 1 < found.length });
}

async function tellInventory(requestId) {
  const names = [...variables.keys(), ...Array.from({ length: evses }, (_, i) => `EVSE.${i + 1}`)];
  for (const [seqNo, name] of names.entries()) {
    const [component, variable] = name.split(".");
    const place = component === "EVSE" ? { name: component, evse: { id: Number(variable) } } : { name: component };
    const data = { component: place, variable: { name: component === "EVSE" ? "Available" : variable } };
    const variableAttribute = [{ value: variables.get(name) ?? "true" }];
    await call("NotifyReport", { requestId, generatedAt: text(clock()), seqNo, tbc: seqNo + 1 < names.length, reportData: [{ ...data, variableAttribute }] });
  }
}

// ---- Both

// ocpp-rpc 2.2.1 has the schemas of 2.1 under names that it does not look for.
const schemas21 = createRequire(import.meta.url)("ocpp-rpc/lib/schemas/ocpp2_1.json")
  .map((one) => ({ ...one, $id: one.$id.replace(/Request$/, ".req").replace(/Response$/, ".conf") }));
console.warn = () => {}; // its checker dislikes how these schemas are written, not what is checked by them

const client = new rpc.RPCClient({
  endpoint, identity, password: options.password ?? null, protocols: [options.protocol], strictMode: true,
  strictModeValidators: options.protocol === "ocpp2.1" ? [rpc.createValidator("ocpp2.1", schemas21)] : [],
  reconnect: false, callTimeoutMs: 5000, wsOpts: options.ca === undefined ? {} : { ca: readFileSync(options.ca) },
});
client.on("strictValidationFailure", ({ method, error }) => process.stderr.write(`${method}: ${error.message}\n`));
for (const [method, handler] of Object.entries(old ? handlers16 : handlers2)) client.handle(method, ({ params }) => handler(params));

// A call whose connection ends is forgotten: the next greeting says all that counts.
const call = (method, params) => client.call(method, params).catch((fault) => {
  if (fault instanceof rpc.RPCError) process.stderr.write(`${method}: ${fault.message}\n`);
});

async function heartbeat() {
  const answer = await call("Heartbeat", {});
  if (answer !== undefined) setClock(answer.currentTime);
}

client.handle("TriggerMessage", ({ params: { requestedMessage } }) => {
  if (requestedMessage !== "Heartbeat") return { status: "NotImplemented" };
  setImmediate(heartbeat);
  return { status: "Accepted" };
});

function setClock(currentTime) {
  [told, toldAt] = [Date.parse(currentTime), performance.now()];
}

async function greet() {
  const station = { model: "Test", vendorName: "ocpp-rpc" };
  const words = old ? { chargePointModel: "Test", chargePointVendor: "ocpp-rpc" } : { reason: "PowerUp", chargingStation: station };
  if (booted) await heartbeat();
  else {
    const answer = await call("BootNotification", words);
    if (answer === undefined) return;
    booted = answer.status === "Accepted";
    setClock(answer.currentTime);
  }
  for (let id = 1; id <= evses; id++) {
    const status = options.meter && id === 1 ? (old ? "Charging" : "Occupied") : "Available";
    const timestamp = text(clock());
    await call("StatusNotification", old ? { connectorId: id, errorCode: "NoError", status } : { evseId: id, connectorId: 1, connectorStatus: status, timestamp });
  }
  if (options.meter) await tellMeter();
}

async function tellMeter() {
  const timestamp = text(clock());
  const current = { measurand: "Current.Import", phase: "L1" };
  const energy = { measurand: "Energy.Active.Import.Register" };
  if (old) {
    const sampledValue = [{ ...current, value: "15.2", unit: "A" }, { ...energy, value: "2.25", unit: "kWh" }];
    await call("MeterValues", { connectorId: 1, meterValue: [{ timestamp, sampledValue }] });
    return;
  }
  const sampledValue = [
    { ...current, value: 15.2, unitOfMeasure: { unit: "A" } },
    { ...energy, value: 2.25, unitOfMeasure: { unit: "Wh", multiplier: 3 } },
  ];
  await call("TransactionEvent", {
    eventType: "Started", timestamp, triggerReason: "CablePluggedIn", seqNo: 0, evse: { id: 1, connectorId: 1 },
    transactionInfo: { transactionId: "1", chargingState: "Charging" }, meterValue: [{ timestamp, sampledValue }],
  });
}

async function setOutside(word) {
  outside = word === undefined ? null : Number(word);
  const source = { chargingLimitSource: "EMS" };
  if (old) return;
  if (outside === null) await call("ClearedChargingLimit", source);
  else await call("NotifyChargingLimit", { chargingLimit: source });
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const [word, amount] = line.trim().split(" ");
  if (word === "offline") [plugged] = [false, client.close({ force: true })];
  if (word === "online") plugged = true;
  if (word === "forget") profiles.clear();
  if (word === "limit") setOutside(amount);
  if (word === "reboot") {
    profiles.clear();
    [booted] = [false];
    greet();
  }
});
process.on("SIGTERM", () => process.exit(0));

if (options.foreign !== undefined) {
  const chargingSchedulePeriod = [{ startPeriod: 0, limit: Number(options.foreign) }];
  const schedule = { id: 1, startSchedule: text(0), chargingRateUnit: "A", chargingSchedulePeriod };
  const stackLevel = Number(options["stack-level"]);
  const words = { id: 1, stackLevel, chargingProfilePurpose: MAX, chargingProfileKind: "Absolute" };
  profiles.set(1, { evse: 0, profile: { ...words, chargingSchedule: [schedule] } });
}
lastSaid = JSON.stringify(state());
for (let wait = 100; ; wait = Math.min(2 * wait, 2000)) {
  try {
    if (!plugged) throw new Error("the plug is pulled");
    await client.connect();
    [online, wait] = [true, 50];
    const gone = new Promise((resolve) => client.once("close", resolve));
    greet();
    await gone;
    [online, absentSince] = [false, performance.now()];
  } catch (refusal) {
    if (refusal.code !== undefined && refusal.code !== "ECONNREFUSED") process.stderr.write(`${refusal.code}: ${refusal.message}\n`);
  }
  await sleep(wait);
}
