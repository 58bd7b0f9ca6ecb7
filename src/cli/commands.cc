// commands.cc: the table of commands and options.  Constant data.
#include "commands.h"

#include "options.h"

namespace fileferry::cli {
namespace {

using Options = std::vector<OptionSpec>;

const Options kFilter = {
    {"include", 0, "PATTERN", "take only keys that match (** across folders, * within one, ?, [ab], {a,b}); may be repeated", {}, true},
    {"exclude", 0, "PATTERN", "leave out keys that match; beats --include; may be repeated", {}, true},
    {"filter-from", 0, "FILE", "rules of a file, '+ pattern' and '- pattern', the first that matches counts"},
    {"keys-from", 0, "FILE", "only these keys, one a line; nothing is listed"},
    {"min-size", 0, "SIZE", "only objects of at least this size"},
    {"max-size", 0, "SIZE", "only objects of at most this size"},
    {"newer-than", 0, "WHEN", "only objects modified since: an age (7d, 12h) or a date (2026-05-24)"},
    {"older-than", 0, "WHEN", "only objects not modified since"},
    {"content-type", 0, "TYPE", "only objects of this type, for example image/*; may be repeated", {}, true},
    {"map", 0, "RULE", "keys at the destination: same, prefix+TEXT, prefix-TEXT, activestorage, re:PATTERN=>TEXT or file:PATH (same)"},
    {"shard", 0, "K/N", "only the K-th of N shares of the keys, 0/N to N-1/N, for several machines"},
    {"links", 0, "HOW", "symbolic links in folders: skip, follow or error (skip)", "skip|follow|error"},
};

const Options kSpeed = {
    {"transfers", 0, "N", "objects or parts under way at once (16)"},
    {"checkers", 0, "N", "objects compared at once (8)"},
    {"bwlimit", 0, "RATE", "bytes a second, 10M, or a timetable \"08:00,512k 19:00,off\" (no limit)"},
    {"tpslimit", 0, "N", "requests a second (no limit)"},
    {"window", 0, "FROM-TO", "work only in these hours, 22:00-06:00, and pause outside"},
    {"delay", 0, "TIME", "rest between batches, 50ms (none)"},
    {"batch-size", 0, "N", "objects in a batch (1000)"},
    {"part-size", 0, "SIZE", "size of the parts of large objects (8M, more where the object is very large)"},
};

const Options kCompare = {
    {"verify", 0, "HOW", "what counts as the same: none, size, checksum or full, which reads every byte (checksum; left out, copy also takes the same size and time)", "none|size|checksum|full"},
    {"digest", 0, "KIND", "the digest to check and keep: crc64, sha256 or md5, which read large sources twice (crc64)", "crc64|sha256|md5"},
};

const Options kChange = {
    {"overwrite", 0, "WHEN", "what to do where the destination holds something else: never, changed or always (never)", "never|changed|always"},
    {"limit", 0, "N", "stop after N objects, for a first trial"},
    {"dry-run", 'n', "", "say what would be done, change nothing"},
    {"delete-source", 0, "", "remove each source object after its copy was verified; asks first"},
    {"archive", 0, "STORAGE", "copy what --delete-source removes to this storage first"},
    {"preserve", 0, "WHAT", "also carry acl, tags or acl,tags (they cost requests)", "acl|tags|acl,tags|tags,acl"},
};

const Options kMend = {
    {"overwrite", 0, "WHEN", "what to do where the destination holds something else: never, changed or always (as the migration was begun)", "never|changed|always"},
    {"limit", 0, "N", "stop after N objects"},
};

const Options kTrash = {{"trash", 0, "AGE", "also remove replaced objects that the trash has kept for longer, for example 30d; 0s: all"}};

const Options kShow = {
    {"progress", 'P', "", "with --json: show progress although the output is no terminal, a JSON document a line"},
    {"no-progress", 0, "", "show no progress"},
    {"stats-interval", 0, "TIME", "time between the lines of progress where there is no terminal (10s)"},
};

const Options kJournal = {{"journal", 0, "FILE", "the journal of the migration (.fileferry/….db of the working folder, else the newest there)"}};
const Options kYes = {{"yes", 'y', "", "do not ask"}};

const Options kProperties = {
    {"content-type", 0, "TYPE", "media type (by name, then by content)"},
    {"cache-control", 0, "TEXT", "Cache-Control, for example max-age=86400"},
    {"content-disposition", 0, "TEXT", "Content-Disposition"},
    {"content-encoding", 0, "TEXT", "Content-Encoding"},
    {"content-language", 0, "TEXT", "Content-Language"},
    {"meta", 0, "NAME=VALUE", "user metadata; may be repeated", {}, true},
    {"tag", 0, "NAME=VALUE", "tag; may be repeated", {}, true},
    {"acl", 0, "ACL", "canned ACL: private, public-read …"},
    {"storage-class", 0, "CLASS", "storage class"},
    {"sse", 0, "KIND", "encryption at rest: AES256 or aws:kms"},
    {"sse-kms-key", 0, "ID", "key for aws:kms"},
};

const Options kLs = {
    {"recursive", 'r', "", "everything below, not only the first level"},
    {"long", 'l', "", "with size and time"},
    {"null", '0', "", "end keys with NUL instead of a newline, for --keys-from and xargs -0"},
    {"hidden", 0, "", "also what migrations replaced and keep in .fileferry/trash/"},
};
const Options kRm = {{"recursive", 'r', "", "everything below the folder; asks first"}};
const Options kCat = {{"offset", 0, "N", "begin at this byte (0)"}, {"length", 0, "N", "so many bytes (to the end)"}};
const Options kIfAbsent = {{"if-absent", 0, "", "only when there is no such object yet"}};
const Options kUrl = {
    {"expires", 0, "TIME", "valid for so long, at most 7d (1h)"},
    {"method", 0, "METHOD", "GET or PUT (GET)", "GET|PUT|HEAD"},
    {"public", 0, "", "the unsigned address instead"},
    {"content-type", 0, "TYPE", "PUT: what must be sent; GET: what is answered"},
    {"content-disposition", 0, "TEXT", "GET: what is answered, for example attachment"},
};
const Options kShowConfig = {{"origin", 0, "", "with the place that each value came from"}};
const Options kReport = {
    {"all", 'a', "", "every object, not only problems"},
    {"outcome", 0, "NAME", "only objects that ended so, for example failed, conflict or verified; may be repeated", {}, true},
};

constexpr std::string_view kObjects = "Objects of a storage", kMoving = "Moving objects", kMigration = "A migration", kSettings = "Configuration";

std::vector<CommandSpec> MakeCommands() {
  return {
      {"ls", "STORAGE", 1, 1, kObjects, "list objects",
       "Prints one key a line, relative to the folder that is named; folders end in /. With --long each line has size, time and key, with --json it is one document.",
       {&kLs},
       {{"ls media:photos/", "the first level of photos/ of the storage media"},
        {"ls -l --recursive s3://acme", "everything in a bucket, with sizes and times"},
        {"ls --recursive -0 media: > keys", "a list for --keys-from that survives any key"}},
       &RunLs},
      {"stat", "OBJECT...", 1, kAnyNumber, kObjects, "show size, time, checksums and properties of objects",
       "Exit status 1 when one of them does not exist.",
       {},
       {{"stat media:photos/a.jpg", "for people"}, {"--json stat s3://acme/a.jpg s3://acme/b.jpg", "for programs"}},
       &RunStat},
      {"cat", "OBJECT...", 1, kAnyNumber, kObjects, "write objects to standard output",
       "A whole object is compared with the checksum that the storage keeps; a difference is exit status 1.",
       {&kCat},
       {{"cat media:notes.txt", "print it"}, {"cat --offset 0 --length 512 s3://acme/film.mp4 | xxd", "the first 512 bytes"}},
       &RunCat},
      {"put", "FILE OBJECT", 2, 2, kObjects, "store a file, or standard input (-), as an object",
       "The object appears whole or not at all, and replaces one that is there unless --if-absent is given. An OBJECT that ends in / takes the file's name.",
       {&kIfAbsent, &kProperties},
       {{"put a.jpg media:photos/", "as photos/a.jpg"},
        {"put --content-type text/csv --meta owner=ann report.csv s3://acme/2026/report.csv", "with properties"},
        {"tar c docs | fileferry put - s3://acme/docs.tar", "a stream of unknown length"}},
       &RunPut},
      {"get", "OBJECT [FILE]", 1, 2, kObjects, "fetch an object into a file (- is standard output)",
       "The file appears whole or not at all; its checksum is compared with the storage's. Without FILE it is stored under its own name in the working folder.",
       {},
       {{"get media:photos/a.jpg", "as ./a.jpg"}, {"get s3://acme/film.mp4 /tmp/film.mp4", "large objects come in parallel ranges"}},
       &RunGet},
      {"rm", "OBJECT...", 1, kAnyNumber, kObjects, "remove objects",
       "A folder is removed only with --recursive, and only after a yes: on a terminal it asks, elsewhere --yes is needed.",
       {&kRm, &kYes},
       {{"rm media:photos/a.jpg", "one object"}, {"rm --recursive --yes s3://acme/tmp/", "everything below tmp/"}},
       &RunRm},
      {"cp", "OBJECT OBJECT", 2, 2, kObjects, "copy one object",
       "Within one service the service copies by itself. For folders see copy.",
       {&kIfAbsent},
       {{"cp media:a.jpg media:archive/", "as archive/a.jpg"}, {"cp s3://acme/a.jpg ./a.jpg", "between two storages"}},
       &RunCp},
      {"url", "OBJECT", 1, 1, kObjects, "make an address for an object",
       "A signed address lets anybody who has it read, or with --method PUT write, this one object until it expires.",
       {&kUrl},
       {{"url media:photos/a.jpg", "to read it for an hour"},
        {"url --method PUT --content-type image/jpeg --expires 10m media:new.jpg", "to upload it"},
        {"url --public media:photos/a.jpg", "the public or custom-domain address"}},
       &RunUrl},
      {"stats", "STORAGE", 1, 1, kObjects, "count objects, bytes and types", "Lists everything below STORAGE once; what migrations replaced and keep in .fileferry/trash/ is counted apart.", {}, {{"stats media:", "the whole storage"}, {"stats ./public/uploads", "a folder"}}, &RunStats},

      {"copy", "SRC DST", 2, 2, kMoving, "copy one way what is missing at the destination",
       "Compares both sides as they are listed and copies what the destination lacks. What differs is left alone and reported, unless --overwrite changed (or always) is given. "
       "Keeps no journal: run again, it compares again. For a large or important move use migrate.",
       {&kFilter, &kSpeed, &kCompare, &kChange, &kJournal, &kShow, &kYes},
       {{"copy ./public/uploads s3://acme/uploads", "a folder into a bucket"},
        {"copy --overwrite changed media: backup:", "and bring what changed up to date"},
        {"copy --include '*.jpg' --newer-than 7d --dry-run media: ./pictures", "what would be copied?"}},
       &RunCopy},
      {"plan", "SRC [DST]", 1, 2, kMoving, "say what a move would meet: counts, bytes, types, time, cost",
       "Lists the source, and the destination when it is given; moves nothing. Takes the options of the move as they are; those that say nothing to it are named and passed over.",
       {&kFilter, &kSpeed, &kCompare, &kChange, &kJournal, &kShow, &kYes},
       {{"plan ./public/uploads", "what is there"}, {"plan --bwlimit 10M media: s3://acme", "and what would be left to do, and how long it takes"}},
       &RunPlan},
      {"verify", "[SRC DST]", 0, 2, kMoving, "compare two storages",
       "Reports what is missing or different at the destination; exit status 1 when there is anything. --verify full reads every byte of both sides. The journal of a "
       "migration of these storages is brought up to date with what is found, so that retry can mend it. Without SRC and DST what the newest migration (or --journal) has recorded is "
       "verified; the exit status is 1 while it is unfinished.",
       {&kFilter, &kSpeed, &kCompare, &kChange, &kJournal, &kShow, &kYes},
       {{"verify ./public/uploads s3://acme/uploads", "by checksums"}, {"verify --verify full media: backup:", "byte by byte"}, {"verify --journal .fileferry/7f3a.db", "a migration"}},
       &RunVerify},
      {"missing", "SRC DST", 2, 2, kMoving, "list what the destination lacks",
       "Prints one key a line; exit status 1 when there is one.",
       {&kFilter, &kSpeed, &kCompare, &kChange, &kJournal, &kShow, &kYes},
       {{"missing media: backup:", "keys that are not in backup"}, {"--json missing ./files s3://acme", "for programs"}},
       &RunMissing},

      {"migrate", "SRC DST", 2, 2, kMigration, "move everything with a journal: resumes, verifies, can be taken back",
       "Does what copy does and writes every step into a journal, .fileferry/<identity>.db in the working folder. Stopped at any moment, even by a power cut, the same command goes on "
       "where it was. Nothing at the destination is overwritten, and nothing at the source is removed, unless it is asked for.",
       {&kFilter, &kSpeed, &kCompare, &kChange, &kJournal, &kShow, &kYes},
       {{"migrate ./public/uploads s3://acme/uploads", "start, or go on"},
        {"migrate --limit 20 ./storage media:", "a small trial first"},
        {"migrate 'file:///srv/storage?layout=activestorage' s3://acme", "Active Storage's disk layout to flat keys, as its S3 service has them"},
        {"migrate --bwlimit '08:00,2M 19:00,off' --window 20:00-06:00 media: backup:", "by night, gently"}},
       &RunMigrate},
      {"status", "", 0, 0, kMigration, "how far a migration is", "Works while another process runs it.", {&kJournal}, {{"status", "of the newest migration here"}, {"--json status", "for programs"}}, &RunStatus},
      {"report", "", 0, 0, kMigration, "what became of the objects of a migration",
       "Lists every object that did not end well, with the reason.", {&kJournal, &kReport},
       {{"report", "the problems"}, {"report --outcome conflict", "what was left alone"}, {"--json report --all > report.json", "everything"}},
       &RunReport},
      {"retry", "", 0, 0, kMigration, "try failed, missing, corrupt and damaged objects again",
       "Takes only the objects that did not end well. What is still as this migration wrote it is mended; what somebody changed since only with --overwrite changed.",
       {&kSpeed, &kCompare, &kMend, &kJournal, &kShow, &kYes},
       {{"retry", "the newest migration"}, {"retry --overwrite changed", "also where the destination was changed since"}},
       &RunRetry},
      {"cleanup", "", 0, 0, kMigration, "remove unfinished uploads and temporary files of a migration",
       "Finished objects stay. With --trash also what --overwrite replaced and the trash of the destination has kept for long enough: a rollback leaves those objects as they are then.",
       {&kTrash, &kJournal, &kShow}, {{"cleanup", "the newest migration"}, {"cleanup --trash 30d", "and what was replaced more than 30 days ago"}}, &RunCleanup},
      {"rollback", "", 0, 0, kMigration, "take a migration back",
       "Removes what this migration wrote and what is still as written, and puts back what it replaced or archived. Everything else is left alone and named.",
       {&kSpeed, &kJournal, &kShow, &kYes},
       {{"rollback", "asks first"}, {"rollback --yes --journal .fileferry/7f3a.db", "without asking"}},
       &RunRollback},

      {"check", "[STORAGE...]", 0, kAnyNumber, kSettings, "see whether storages can be used",
       "Sends a few cheap requests to each storage, all configured ones when none is named, and tells where the credentials came from.",
       {},
       {{"check", "all storages of the configuration"}, {"check 's3://acme?region=eu-west-1'", "one"}},
       &RunCheck},
      {"config show", "[STORAGE...]", 0, kAnyNumber, kSettings, "print the configuration, secrets hidden", "", {&kShowConfig},
       {{"config show", "all storages"}, {"config show --origin media", "with file and line, or the environment variable, of each value"}},
       &RunConfigShow},
      {"config validate", "", 0, 0, kSettings, "check the configuration without using a storage",
       "Reads every environment of the file; exit status 2 when something is wrong.", {},
       {{"config validate", "config/storage.yml"}, {"-c /srv/app/config/storage.yml config validate", "another file"}},
       &RunConfigValidate},
      {"completion", "SHELL", 1, 1, kSettings, "print the completion script for bash or zsh, or the man page",
       "", {},
       {{"completion bash > /etc/bash_completion.d/fileferry", "for everybody"},
        {"completion zsh > ~/.zfunc/_fileferry", "with fpath+=~/.zfunc in ~/.zshrc"},
        {"completion man > /usr/local/share/man/man1/fileferry.1", "the man page"}},
       &RunCompletion},
  };
}

}  // namespace

const std::vector<CommandSpec>& Commands() {
  static const std::vector<CommandSpec> commands = MakeCommands();
  return commands;
}

const std::vector<OptionSpec>& GlobalOptions() {
  static const Options options = {
      {"config", 'c', "FILE", "configuration (FILEFERRY_CONFIG, config/storage.yml, storage_config.json)"},
      {"environment", 'e', "NAME", "environment of the configuration (FILEFERRY_ENV, RAILS_ENV, development)"},
      {"json", 0, "", "results as one JSON document"},
      {"quiet", 'q', "", "print errors only"},
      {"verbose", 'v', "", "log every call of a storage to standard error"},
      {"log", 0, "FILE", "append a log to this file (FILEFERRY_LOG)"},
      {"help", 'h', "", "help; after a command, help for it"},
      {"version", 0, "", "print the version"},
  };
  return options;
}

}  // namespace fileferry::cli
