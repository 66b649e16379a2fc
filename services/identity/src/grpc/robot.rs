//! `RobotService`.

use reeve_answers::{Page, Purpose, filter_matches};
use reeve_api::identity as api;
use reeve_api::identity::robot_service_server::RobotService;
use reeve_chassis::{CallDeadline, Failure, need};
use reeve_model::{Resource, RobotId, RobotName, Violations};
use reeve_world::Robot;
use tonic::{Request, Response, Status};

use super::encode::robot;
use super::read::{MAX_DESCRIPTION_CHARS, all_right, filter, free_text, required};
use crate::IdentityService;
use crate::app::create_robot::create_robot;
use crate::app::delete_robot::delete_robot;
use crate::rows::{CREATE_ROBOT, DELETE_ROBOT, LIST_ROBOTS};

#[tonic::async_trait]
impl RobotService for IdentityService {
    async fn create_robot(
        &self,
        request: Request<api::CreateRobotRequest>,
    ) -> Result<Response<api::CreateRobotResponse>, Status> {
        let moment = self.moment_for_write(request.metadata()).await?;
        let granted = need(request.extensions(), &CREATE_ROBOT, &moment, &Resource::cluster())?;
        let request = request.get_ref();
        let mut violations = Violations::new();
        let name = violations.take("name", RobotName::parse(&request.name));
        let description = free_text("description", &request.description, MAX_DESCRIPTION_CHARS, &mut violations);
        let Some(name) = name else { return Err(Failure::Invalid(violations).into()) };
        all_right(violations)?;
        let (created, proof) = create_robot(&granted, &self.shared, name, description).await?;
        let consistency_token = proof.to_string();
        Ok(Response::new(api::CreateRobotResponse { robot: Some(robot(created)), consistency_token }))
    }

    async fn list_robots(
        &self,
        request: Request<api::ListRobotsRequest>,
    ) -> Result<Response<api::ListRobotsResponse>, Status> {
        let consistency = request.get_ref().consistency.as_ref();
        let moment = self.shared.reader.at(request.metadata(), consistency, Purpose::Administration).await?;
        need(request.extensions(), &LIST_ROBOTS, &moment, &Resource::cluster())?;
        let request = request.get_ref();
        let mut violations = Violations::new();
        let page = Page::read(request.page_size, &request.page_token, &mut violations);
        filter(&request.filter, &mut violations);
        let Some(page) = page else { return Err(Failure::Invalid(violations).into()) };
        all_right(violations)?;
        let after = page.after.map(RobotId::from_uuid);
        let wanted = moment.world().robots_after(after.as_ref());
        let wanted = wanted.filter(|robot| filter_matches(&request.filter, &[robot.name.as_str()]));
        let (robots, next_page_token) = page.take(wanted, |robot| *robot.uid.as_uuid());
        Ok(Response::new(api::ListRobotsResponse {
            robots: robots.into_iter().map(|found| robot(Robot::clone(found))).collect(),
            next_page_token,
            revision: moment.revision().get(),
        }))
    }

    async fn delete_robot(
        &self,
        request: Request<api::DeleteRobotRequest>,
    ) -> Result<Response<api::DeleteRobotResponse>, Status> {
        let moment = self.moment_for_write(request.metadata()).await?;
        let granted = need(request.extensions(), &DELETE_ROBOT, &moment, &Resource::cluster())?;
        let name = required("name", &request.get_ref().name)?;
        let deadline = CallDeadline::of(request.extensions());
        let proof = delete_robot(&granted, &self.shared, name, deadline).await?;
        Ok(Response::new(api::DeleteRobotResponse { consistency_token: proof.to_string() }))
    }
}
