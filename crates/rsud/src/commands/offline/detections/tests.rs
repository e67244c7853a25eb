//! Reading detections.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::f64::consts::FRAC_PI_2;

use super::super::scene::SceneSensor;
use super::*;

const HEADER: &str = "t_arrival_s,t_measured_s,frame,sensor,kind,x_m,y_m,cov_xx_m2,cov_xy_m2,cov_yy_m2,radial_speed_mps,speed_mps,heading_rad,sd_speed_mps,sd_heading_rad,length_m,width_m,class,score,source_id\n";

fn scene() -> Scene {
    let sensor = |name: &str, kind| SceneSensor {
        name: name.into(),
        model: SensorModel::new(kind, Vector2::new(1.0, 2.0), 0.0, 1.0, 100.0),
    };
    Scene {
        t0_s: 0.0,
        t1_s: 10.0,
        sensors: vec![sensor("cam1", SensorKind::Camera), sensor("radar1", SensorKind::Radar)],
    }
}

fn read(text: &str) -> Result<Vec<TimedFrame>, DetectionsError> {
    let mut frames = Frames::new(text.as_bytes(), "dets.csv", &scene())?;
    let mut all = Vec::new();
    while let Some(frame) = frames.next_frame()? {
        all.push(frame);
    }
    Ok(all)
}

#[test]
fn rows_of_one_frame_come_together() {
    let text = format!(
        "{HEADER}0.2,0.1,7,cam1,cam,10,20,0.04,0.01,0.09,,5,1.5707963267948966,1.2,0.2,4.5,1.8,moto,0.9,17\n\
         0.2,0.1,7,cam1,cam,11,20,,,,,,,,,,,unknown,,\n\
         0.2,0.1,7,radar1,radar,12,20,1,0,1,-3.5,2,,0.3,,,,,0.5,3\n\
         0.3,0.2,8,bsm,bsm,13,20,0.6,0,0.6,,5,0,0.12,0.017,4.6,1.9,car,0.99,10000042\n"
    );
    let frames = read(&text).unwrap();
    assert_eq!(frames.iter().map(|f| f.frame.detections.len()).collect::<Vec<_>>(), [2, 1, 1]);
    assert_eq!(frames[0].arrives_at, Timestamp::from_micros(200_000));
    assert_eq!(frames[0].frame.measured_at, Timestamp::from_micros(100_000));
    let [first, second] = frames[0].frame.detections[..] else { unreachable!() };
    let velocity = first.velocity.unwrap();
    assert!((velocity.mps - Vector2::from_angle(FRAC_PI_2) * 5.0).norm() < 1e-9);
    assert!((velocity.along_sd_mps - 1.2).abs() < 1e-9 && (velocity.across_sd_mps - 1.0).abs() < 1e-9);
    assert_eq!((first.class, first.object_id, first.v2x_id), (Some(Class::Motorcycle), Some(17), None));
    assert_eq!(first.extent_m, Some((4.5, 1.8)));
    // What is absent is usual, or unknown.
    assert!(second.covariance_m2.is_valid());
    assert_eq!((second.velocity, second.heading, second.class, second.object_id), (None, None, None, None));
    assert!((second.confidence - 0.7).abs() < 1e-9);
    // A speed without a heading, and a Doppler speed.
    let radar = frames[1].frame.detections[0];
    assert_eq!((radar.velocity, radar.speed), (None, Some(Speed { mps: 2.0, sd_mps: 0.3 })));
    assert_eq!(radar.radial, Some(Radial { speed_mps: -3.5, sd_mps: 0.15 }));
    let v2x = frames[2].frame.detections[0];
    assert_eq!(frames[2].frame.sensor.index(), 2);
    assert_eq!((v2x.object_id, v2x.v2x_id), (None, Some(V2xId(10_000_042_u64.to_be_bytes()))));
}

#[test]
fn columns_may_be_few_and_in_any_order() {
    let frames = read("y_m,sensor,x_m,colour,t_measured_s,t_arrival_s\r\n5,radar1,4,red,0.5,0.6\r\n").unwrap();
    assert_eq!(frames[0].frame.detections[0].position_m, Vector2::new(4.0, 5.0));
    assert_eq!(frames[0].frame.sensor.index(), 1);
    assert!(read(HEADER).unwrap().is_empty());
}

#[test]
fn faults_have_line_and_column() {
    let row = |fields: &str| {
        format!(
            "t_arrival_s,t_measured_s,sensor,x_m,y_m,class,source_id,cov_xx_m2,cov_yy_m2\n0.2,0.1,cam1,1,2,,,,\n{fields}\n"
        )
    };
    for (text, message) in [
        (String::new(), "dets.csv: line 1: there is no column t_arrival_s"),
        ("t_arrival_s,t_measured_s,x_m,y_m\n".into(), "dets.csv: line 1: there is no column sensor"),
        (row("0.3,0.2,cam1,east,2,,,,"), "dets.csv: line 3, column 4 (x_m): \"east\" cannot be; expected a number"),
        (row("0.3,0.2,cam1,1,,,,,"), "dets.csv: line 3, column 5 (y_m): \"\" cannot be"),
        (row("0.3,nan,cam1,1,2,,,,"), "dets.csv: line 3, column 2 (t_measured_s): \"nan\" cannot be"),
        (
            row("0.3,0.2,cam9,1,2,,,,"),
            "column 3 (sensor): \"cam9\" cannot be; expected a sensor of the scene: cam1, radar1, bsm",
        ),
        (row("0.3,0.2,cam1,1e9,2,,,,"), "column 4 (x_m): \"1e9\" cannot be"),
        (row("0.3,0.2,cam1,1,2,tram,,,"), "column 6 (class): \"tram\" cannot be"),
        (row("0.3,0.2,cam1,1,2,,x7,,"), "column 7 (source_id): \"x7\" cannot be"),
        (row("0.3,0.2,cam1,1,2,,,-1,1"), "column 8 (cov_xx_m2): \"-1\" cannot be"),
        (row("0.3,0.2,cam1,1,inf,,,,"), "column 5 (y_m): \"inf\" cannot be"),
        (row("0.3,0.2,cam1"), "dets.csv: line 3: 3 columns; expected 9"),
    ] {
        let error = read(&text).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let mut octets = row("").trim_end().as_bytes().to_vec();
    octets.extend_from_slice(b"\n0.3,0.2,\xFF,1,2,,,,\n");
    let mut frames = Frames::new(octets.as_slice(), "dets.csv", &scene()).unwrap();
    let error = frames.next_frame().and_then(|_| frames.next_frame()).unwrap_err().to_string();
    assert!(error.contains("line 3: column 3") && error.contains("UTF-8"), "{error}");
}
