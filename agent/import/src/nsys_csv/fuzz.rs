//! Damaged traces by the thousand.

use std::path::Path;

use perfagent_fuzz::{damage, each_input};
use perfagent_recording::Writer;
use perfagent_recording::table::{ApiCall, Copy, Host, Kernel};

use super::{Reports, import};
use crate::window::Window;

const TRACES: &str = "\
Generating SQLite file run.sqlite from run.nsys-rep
Processing [run.sqlite] with [cuda_gpu_trace.py]...
Start (ns),Duration (ns),CorrId,GrdX,GrdY,GrdZ,BlkX,BlkY,BlkZ,Reg/Trd,Bytes (MB),Device,Ctx,Strm,Name
1000,500,101,160,1,1,256,1,1,32,,NVIDIA H100 (0),1,7,\"void f(int, \"\"x\"\")\"
1600,40,102,,,,,,,,4.194,NVIDIA H100 (1),1,13,[CUDA memcpy Host-to-Device]
1700,40,103,,,,,,,,0.000,NVIDIA H100 (0),1,7,[CUDA memset]

Processing [run.sqlite] with [cuda_api_trace.py]...
Start (us),Duration (us),Name,Result,CorrID,Pid,Tid,T-Pri,Thread Name
0.5,0.3,cudaLaunchKernel,0,101,4242,4243,20,python3
1.500,0.025,cudaMemcpyAsync,0,102,4242,4242,20,python3
";

#[test]
fn fuzz_nsys_csv() {
    each_input("nsys csv", 2000, |from| {
        let mut bytes = TRACES.as_bytes().to_vec();
        damage(&mut bytes, from);
        let mut writer = Writer::in_memory();
        let host = writer.insert(&Host::default()).unwrap();
        let mut window = Window::new(&bytes[..]);
        let file = import(
            Path::new("run.csv"),
            &mut window,
            1,
            &mut writer,
            host,
            &mut Reports::default(),
        );
        let file = file.unwrap();
        let kernels = writer.rows::<Kernel>().unwrap();
        let copies = writer.rows::<Copy>().unwrap();
        let calls = writer.rows::<ApiCall>().unwrap();
        assert_eq!(file.kept, (kernels.len() + copies.len() + calls.len()) as u64);
        let lost: u64 = file
            .warnings
            .iter()
            .filter(|warning| warning.text.contains(" left out "))
            .map(|warning| warning.count)
            .sum();
        assert_eq!(file.events, file.kept + lost + file.left_out.values().sum::<u64>());
        assert!(kernels.iter().all(|(_, row)| row.start_ns <= row.end_ns));
        assert!(copies.iter().all(|(_, row)| row.start_ns <= row.end_ns));
        assert!(calls.iter().all(|(_, row)| row.start_ns <= row.end_ns));
    });
}
