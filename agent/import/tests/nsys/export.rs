//! Small exports, as `nsys export --type sqlite` would write them.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

/// The global number of a process (thread 0) or thread.
pub(crate) const fn global(pid: i64, tid: i64) -> i64 {
    1 << 48 | pid << 24 | tid
}

/// A folder with an export in it.
pub(crate) struct Export {
    pub(crate) folder: TempDir,
    pub(crate) database: Connection,
}

impl Export {
    /// One with the tables and rows of `sql`.
    pub(crate) fn new(sql: &str) -> Self {
        // In memory where there is such a folder: fuzz tests write files by the million.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let database = Connection::open(folder.path().join("run.sqlite")).unwrap();
        // Small pages, so that a small file has many.
        database.execute_batch("PRAGMA page_size = 512; PRAGMA journal_mode = MEMORY;").unwrap();
        database.execute_batch(sql).unwrap();
        Self { folder, database }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("run.sqlite")
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.file()).unwrap()
    }
}

/// Two ranks on two of four GPUs, with everything in it that is read, in the newest schema.
pub(crate) fn modern() -> Export {
    let (a, b) = (global(100, 0), global(200, 0));
    let (a_main, a_autograd, b_main) = (global(100, 100), global(100, 101), global(200, 200));
    Export::new(&format!(
        "CREATE TABLE META_DATA_EXPORT (name TEXT NOT NULL, value TEXT);
         INSERT INTO META_DATA_EXPORT VALUES ('EXPORT_PRODUCT_VERSION', '2026.2.1.210'), ('EXPORT_SCHEMA_VERSION', '3.25.0');
         CREATE TABLE TARGET_INFO_SESSION_START_TIME (utcEpochNs INTEGER, utcTime TEXT);
         INSERT INTO TARGET_INFO_SESSION_START_TIME VALUES (1700000000000000000, '2023-11-14T22:13:20');
         CREATE TABLE TARGET_INFO_SYSTEM_ENV (name TEXT NOT NULL, value TEXT NOT NULL);
         INSERT INTO TARGET_INFO_SYSTEM_ENV VALUES ('Hostname', 'node-7'), ('CpuCores', '96'), ('OsName', 'Ubuntu 24.04'),
             ('KernelVersion', '6.8'), ('DeviceEnvironment', 'RANK=5;WORLD_SIZE=8;TOKEN=secret');
         CREATE TABLE StringIds (id INTEGER NOT NULL PRIMARY KEY, value TEXT NOT NULL);
         INSERT INTO StringIds VALUES (1, 'void gemm<float>(int)'), (2, 'gemm'), (3, 'cudaLaunchKernel_v7000'),
             (4, 'cuMemcpyHtoDAsync_v2'), (5, 'registered range'), (6, 'pt_main_thread'), (7, 'aten::mm, seq = 8, op_id = 2'),
             (8, 'CUPTI Buffer flush'), (9, 'cudaEventRecord_v3020');

         CREATE TABLE PROCESSES (globalPid INTEGER, pid INTEGER, name TEXT);
         INSERT INTO PROCESSES VALUES ({a}, 100, '/usr/bin/python3.12'), ({b}, 200, 'python3'), ({c}, 300, '/usr/bin/bash');
         CREATE TABLE ThreadNames (nameId INTEGER NOT NULL, priority INTEGER, globalTid INTEGER);
         INSERT INTO ThreadNames VALUES (6, 10, {a_main}), (6, 10, {b_main});
         CREATE TABLE MPI_RANKS (globalTid INTEGER NOT NULL, rank INTEGER NOT NULL);
         INSERT INTO MPI_RANKS VALUES ({a_main}, 1), ({b_main}, 0);
         CREATE TABLE TARGET_INFO_GPU (id INTEGER NOT NULL, name TEXT, uuid TEXT, totalMemory INTEGER, smCount INTEGER,
             computeMajor INTEGER, computeMinor INTEGER, pwGpuId INTEGER);
         INSERT INTO TARGET_INFO_GPU VALUES (3, 'NVIDIA H200', '3333-3', 150121545728, 132, 9, 0, 1),
             (0, 'NVIDIA H100', '0000-1', 84942979072, 114, 9, 0, 0), (2, 'NVIDIA H200', '2222-2', 150121545728, 132, 9, 0, 2);
         CREATE TABLE TARGET_INFO_CUDA_DEVICE (gpuId INTEGER, cudaId INTEGER NOT NULL, pid INTEGER NOT NULL, uuid TEXT);
         INSERT INTO TARGET_INFO_CUDA_DEVICE VALUES (3, 0, 100, NULL), (0, 0, 200, 'GPU-0000-1');
         CREATE TABLE TARGET_INFO_CUDA_CONTEXT_INFO (nullStreamId INTEGER, processId INTEGER, deviceId INTEGER, contextId INTEGER);
         INSERT INTO TARGET_INFO_CUDA_CONTEXT_INFO VALUES (7, 100, 0, 1), (7, 200, 0, 1), (7, 300, 0, 1);
         CREATE TABLE TARGET_INFO_CUDA_STREAM (streamId INTEGER, processId INTEGER, contextId INTEGER, priority INTEGER, flag INTEGER);
         INSERT INTO TARGET_INFO_CUDA_STREAM VALUES (7, 100, 1, 0, 3), (13, 100, 1, 4294967291, 2), (7, 200, 1, 0, 3);
         CREATE TABLE TARGET_INFO_NVTX_CUDA_STREAM (name TEXT, processId INTEGER, deviceId INTEGER, contextId INTEGER, streamId INTEGER);
         INSERT INTO TARGET_INFO_NVTX_CUDA_STREAM VALUES ('copies', 100, 0, 1, 13);

         CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INTEGER NOT NULL, end INTEGER NOT NULL, deviceId INTEGER NOT NULL,
             contextId INTEGER NOT NULL, streamId INTEGER NOT NULL, correlationId INTEGER, globalPid INTEGER,
             demangledName INTEGER NOT NULL, shortName INTEGER NOT NULL, registersPerThread INTEGER, gridX INTEGER, gridY INTEGER,
             gridZ INTEGER, blockX INTEGER, blockY INTEGER, blockZ INTEGER, staticSharedMemory INTEGER, dynamicSharedMemory INTEGER,
             graphNodeId INTEGER, graphId INTEGER);
         INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (2000, 3000, 0, 1, 7, 1, {a}, 1, 2, 90, 8, 2, 1, 128, 1, 1, 1024, 512, NULL, NULL),
             (2500, 2600, 0, 1, 7, 1, {b}, 1, 2, 90, 8, 2, 1, 128, 1, 1, 0, 0, 77, 5);
         CREATE TABLE CUPTI_ACTIVITY_KIND_GRAPH_TRACE (start INTEGER, end INTEGER, deviceId INTEGER, contextId INTEGER,
             streamId INTEGER, correlationId INTEGER, globalPid INTEGER, graphId INTEGER, graphExecId INTEGER);
         INSERT INTO CUPTI_ACTIVITY_KIND_GRAPH_TRACE VALUES (6000, 8000, 0, 1, 7, 2, {a}, 11, 12);
         CREATE TABLE CUPTI_ACTIVITY_KIND_MEMCPY (start INTEGER, end INTEGER, deviceId INTEGER, contextId INTEGER, streamId INTEGER,
             correlationId INTEGER, globalPid INTEGER, bytes INTEGER, copyKind INTEGER);
         INSERT INTO CUPTI_ACTIVITY_KIND_MEMCPY VALUES (3100, 3200, 0, 1, 13, 3, {a}, 4096, 101), (3300, 3300, 0, 1, 13, 4, {a}, 1, 99);
         CREATE TABLE CUPTI_ACTIVITY_KIND_MEMSET (start INTEGER, end INTEGER, deviceId INTEGER, contextId INTEGER, streamId INTEGER,
             correlationId INTEGER, globalPid INTEGER, bytes INTEGER, value INTEGER);
         INSERT INTO CUPTI_ACTIVITY_KIND_MEMSET VALUES (3400, 3500, 0, 1, 7, 5, {a}, 64, 0);
         CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start INTEGER, end INTEGER, eventClass INTEGER, globalTid INTEGER,
             correlationId INTEGER, nameId INTEGER, returnValue INTEGER);
         INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (1000, 1100, 0, {a_main}, 1, 3, 0), (1200, 1300, 0, {b_main}, 1, 3, 0),
             (3000, 3050, 1, {a_autograd}, 3, 4, 700), (3060, 3070, 0, {a_main}, 6, 9, 0);
         CREATE TABLE CUPTI_ACTIVITY_KIND_CUDA_EVENT (timestamp INTEGER, globalPid INTEGER, correlationId INTEGER, eventId INTEGER,
             streamId INTEGER, eventSyncId INTEGER);
         INSERT INTO CUPTI_ACTIVITY_KIND_CUDA_EVENT VALUES (0, {a}, 6, 21, 7, 31), (0, {b}, 66, 21, 7, 31);
         CREATE TABLE CUPTI_ACTIVITY_KIND_SYNCHRONIZATION (start INTEGER, end INTEGER, contextId INTEGER, streamId INTEGER,
             correlationId INTEGER, globalPid INTEGER, syncType INTEGER, eventId INTEGER, eventSyncId INTEGER);
         INSERT INTO CUPTI_ACTIVITY_KIND_SYNCHRONIZATION VALUES (4000, 4100, 1, 13, 7, {a}, 2, 21, 31),
             (4200, 4300, 1, 4294967295, 8, {a}, 4, 0, NULL);
         CREATE TABLE CUPTI_ACTIVITY_KIND_OVERHEAD (start INTEGER, end INTEGER, globalTid INTEGER, correlationId INTEGER,
             nameId INTEGER, overheadType INTEGER);
         INSERT INTO CUPTI_ACTIVITY_KIND_OVERHEAD VALUES (1010, 1090, {a_main}, 1, 8, 6);
         CREATE TABLE PROFILER_OVERHEAD (start INTEGER, end INTEGER, globalTid INTEGER, nameId INTEGER, returnValue INTEGER);
         INSERT INTO PROFILER_OVERHEAD VALUES (10, 20, {a_main}, 8, 0), (10, 20, {c}, 8, 0);
         CREATE TABLE CUDA_GPU_MEMORY_USAGE_EVENTS (start INTEGER, globalPid INTEGER, deviceId INTEGER, contextId INTEGER,
             address INTEGER, bytes INTEGER, memKind INTEGER, memoryOperationType INTEGER, correlationId INTEGER);
         INSERT INTO CUDA_GPU_MEMORY_USAGE_EVENTS VALUES (500, {a}, 0, 1, 4096, 1024, 2, 0, 9), (600, {a}, 0, 1, 8192, 77, 1, 0, 10),
             (900, {a}, 0, 1, 4096, 1024, 2, 1, 11);

         CREATE TABLE NVTX_EVENTS (start INTEGER NOT NULL, end INTEGER, eventType INTEGER NOT NULL, category INTEGER, color INTEGER,
             text TEXT, globalTid INTEGER, textId INTEGER, domainId INTEGER, uint64Value INTEGER, doubleValue REAL);
         INSERT INTO NVTX_EVENTS VALUES (0, NULL, 75, NULL, NULL, 'NCCL', {a_main}, NULL, 1, NULL, NULL),
             (0, NULL, 75, NULL, NULL, 'torch', {a_main}, NULL, 2, NULL, NULL),
             (0, NULL, 33, 4, NULL, 'data loading', {a_main}, NULL, 0, NULL, NULL),
             (0, NULL, 39, NULL, NULL, 'autograd', {a_autograd}, NULL, 0, NULL, NULL),
             (700, 9000, 59, NULL, 4278255360, 'step', {a_main}, NULL, 0, 3, NULL),
             (800, 1900, 59, NULL, NULL, 'aten::linear, seq = 8, op_id = 1, sizes = [[8, 128], [128, 128]]', {a_main}, NULL, 0, NULL, NULL),
             (850, 1850, 59, 4, NULL, NULL, {a_main}, 5, 0, NULL, 2.5),
             (900, 1800, 59, NULL, NULL, NULL, {a_main}, 7, 0, NULL, NULL),
             (950, 960, 59, 9, NULL, 'ncclAllReduce', {a_main}, NULL, 1, NULL, NULL),
             (970, 980, 59, NULL, NULL, 'optimizer', {a_main}, NULL, 2, NULL, NULL),
             (1500, 7000, 60, NULL, NULL, 'overlapping', {a_main}, NULL, 0, NULL, NULL),
             (1600, NULL, 59, NULL, NULL, 'never popped', {a_autograd}, NULL, 0, NULL, NULL),
             (1650, NULL, 34, NULL, NULL, 'a mark', {a_main}, NULL, 0, 7, NULL),
             (1700, NULL, 36, NULL, NULL, NULL, {a_main}, NULL, 0, NULL, NULL);

         CREATE TABLE TARGET_INFO_GPU_METRICS (typeId INTEGER, sourceId INTEGER, typeName TEXT, metricId INTEGER, metricName TEXT);
         INSERT INTO TARGET_INFO_GPU_METRICS VALUES (281479271677953, 1, '', 3, 'SMs Active [Throughput %]'),
             (281479271677953, 1, '', 4, 'GPC Clock Frequency [MHz]');
         CREATE TABLE GPU_METRICS (timestamp INTEGER, typeId INTEGER, metricId INTEGER, value INTEGER);
         INSERT INTO GPU_METRICS VALUES (100, 281479271677953, 3, 80), (200, 281479271677953, 3, 80), (300, 281479271677953, 3, 80),
             (400, 281479271677953, 3, 40), (100, 281479271677953, 4, 1980000000), (500, 281479271677953, 3, 40);

         CREATE TABLE OSRT_API (start INTEGER, end INTEGER, globalTid INTEGER, nameId INTEGER);
         INSERT INTO OSRT_API VALUES (1, 2, {a_main}, 3), (3, 4, {a_main}, 3), (5, 6, {c}, 3);
         CREATE TABLE DIAGNOSTIC_EVENT (timestamp INTEGER, severity INTEGER, text TEXT);
         INSERT INTO DIAGNOSTIC_EVENT VALUES (5, 1, 'Profiling has started.'), (9, 2, 'Not all events were collected.'),
             (12, 2, 'Not all events were collected.');
         CREATE TABLE ENUM_CUDA_MEMCPY_OPER (id INTEGER, name TEXT, label TEXT);
         INSERT INTO ENUM_CUDA_MEMCPY_OPER VALUES (101, 'CUDA_MEMCPY_KIND_HTOD', 'Host-to-Device'), (99, 'A_NEW_KIND', 'New');",
        c = global(300, 0),
    ))
}
